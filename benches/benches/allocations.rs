//! How often the works of a program allocate: `cargo bench --bench allocations -- retry`, as JSON.
//!
//! Reallocations count, as allocations.

use std::{
    collections::BTreeMap,
    env,
    io::{self, Write},
};

use allocation_counter::measure;
use anyhow::{Result, bail};
#[cfg(feature = "paused-clock")]
use mainstay_benches::outage;
#[cfg(feature = "redis")]
use mainstay_benches::redis;
use mainstay_benches::{
    APART, Measure, Took, chat, drive, failover, fallback, idempotency, is_trial, learned, limiter, mock,
    programs, retry, router, stack,
};
use tokio::runtime::Builder;

/// Allocations for each unit, by work and side.
#[derive(Default)]
struct Counter {
    trial: bool,
    counts: BTreeMap<String, BTreeMap<String, f64>>,
}

fn main() -> Result<()> {
    if mock::serve_if_asked()? {
        return Ok(());
    }
    let mut counter = Counter { trial: is_trial(), ..Counter::default() };
    let asked: Vec<String> = env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    for program in programs().filter(|program| asked.is_empty() || asked.iter().any(|name| name == program)) {
        match program {
            "retry" => retry::measure_all(&mut counter)?,
            "limiter" => limiter::measure_all(&mut counter)?,
            "router" => router::measure_all(&mut counter)?,
            "fallback" => fallback::measure_all(&mut counter)?,
            "idempotency" => idempotency::measure_all(&mut counter)?,
            "stack" => stack::measure_all(&mut counter)?,
            "learned" => learned::measure_all(&mut counter)?,
            #[cfg(feature = "paused-clock")]
            "outage" => outage::measure_all(&mut counter)?,
            "failover" => failover::measure_all(&mut counter)?,
            #[cfg(feature = "redis")]
            "redis" => redis::measure_all(&mut counter)?,
            "chat" => chat::measure_all(&mut counter)?,
            apart if counter.trial && APART.0.contains(&apart) => {}
            other => bail!("nobody counts the allocations of {other}"),
        }
    }
    if !counter.trial {
        writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&counter.counts)?)?;
    }
    Ok(())
}

// === impl Counter ===

impl Counter {
    /// How many units to do before counting, and how many to count.
    fn times(&self, many: u64) -> (u64, u64) {
        if self.trial { (1, 1) } else { (many / 10, many) }
    }

    fn keep(&mut self, work: &str, side: &str, counted: u64, units: u64) {
        let sides = self.counts.entry(work.to_owned()).or_default();
        sides.insert(side.to_owned(), counted as f64 / units as f64);
    }
}

impl Measure for Counter {
    fn unit<T>(&mut self, work: &str, side: &str, mut unit: impl FnMut() -> T) {
        let (before, counted) = self.times(10_000);
        (0..before).for_each(|_| drop(unit()));
        let info = measure(|| (0..counted).for_each(|_| drop(unit())));
        self.keep(work, side, info.count_total, counted);
    }

    /// On this thread alone, because only its allocations are counted.
    fn shared<S: Sync, T>(
        &mut self,
        work: &str,
        side: &str,
        _: u32,
        make: impl Fn() -> S,
        unit: impl Fn(&S) -> T + Sync,
    ) {
        let subject = make();
        self.unit(work, side, || unit(&subject));
    }

    /// On this thread alone, because only its allocations are counted.
    fn calls<F>(
        &mut self,
        work: &str,
        side: &str,
        at_once: u32,
        call: impl Fn() -> F + Clone + Send + 'static,
    ) where
        F: Future<Output: Send> + Send + 'static,
    {
        let (before, each) = self.times(100);
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime can be had");
        runtime.block_on(drive(at_once, before, call.clone()));
        let info = measure(|| runtime.block_on(drive(at_once, each, call)));
        self.keep(work, side, info.count_total, each * u64::from(at_once));
    }

    /// All allocations of a run, in between or not.
    fn between<F>(&mut self, work: &str, side: &str, run: impl Fn() -> F)
    where
        F: Future<Output = Took>,
    {
        let (before, each) = self.times(30);
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime can be had");
        let runs = |times: u64| {
            runtime.block_on(async {
                for _ in 0..times {
                    run().await;
                }
            });
        };
        runs(before);
        let info = measure(|| runs(each));
        self.keep(work, side, info.count_total, each);
    }

    fn number(&mut self, work: &str, side: &str, _: impl FnOnce() -> f64) -> Result<()> {
        self.keep(work, side, 0, 1);
        Ok(())
    }
}
