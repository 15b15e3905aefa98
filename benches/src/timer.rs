use std::{env, fs, hint::black_box, path::Path, time::Duration};

use anyhow::Result;
use cpu_time::ProcessTime;
use criterion::{BenchmarkId, Criterion};
use tokio::runtime::{Builder, Runtime};

use crate::{Measure, ROUNDS, ROUNDS_VARIABLE, calls::drive, hammer::hammer, is_trial, measure::Took, mock};

/// Takes times with criterion: for a unit the time that passes, for a call the CPU time of this process.
pub struct Timer {
    criterion: Criterion,
    round: u32,
}

/// Takes the times of the works, in [`ROUNDS`] rounds; a trial has one.
///
/// # Errors
///
/// Something that is to be measured cannot be set up.
pub fn time(works: impl Fn(&mut Timer) -> Result<()>) -> Result<()> {
    if mock::serve_if_asked()? {
        return Ok(());
    }
    let criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(50))
        .measurement_time(Duration::from_millis(250))
        .nresamples(2_000)
        .without_plots()
        .configure_from_args();
    let mut timer = Timer { criterion, round: 1 };
    let asked = env::var(ROUNDS_VARIABLE).ok().and_then(|rounds| rounds.parse().ok());
    let rounds = if is_trial() { 1 } else { asked.unwrap_or(ROUNDS).min(ROUNDS) };
    while timer.round <= rounds {
        works(&mut timer)?;
        timer.round += 1;
    }
    timer.criterion.final_summary();
    Ok(())
}

// === impl Timer ===

impl Measure for Timer {
    fn unit<T>(&mut self, work: &str, side: &str, mut unit: impl FnMut() -> T) {
        let id = BenchmarkId::new(side, self.round);
        self.criterion.benchmark_group(work).bench_function(id, |bencher| bencher.iter(&mut unit));
    }

    fn shared<S: Sync, T>(
        &mut self,
        work: &str,
        side: &str,
        threads: u32,
        make: impl Fn() -> S,
        unit: impl Fn(&S) -> T + Sync,
    ) {
        let id = BenchmarkId::new(side, self.round);
        self.criterion.benchmark_group(work).bench_function(id, |bencher| {
            bencher.iter_custom(|each| {
                let subject = make();
                hammer(threads, each, || unit(black_box(&subject)))
            });
        });
    }

    fn calls<F>(
        &mut self,
        work: &str,
        side: &str,
        at_once: u32,
        call: impl Fn() -> F + Clone + Send + 'static,
    ) where
        F: Future<Output: Send> + Send + 'static,
    {
        let id = BenchmarkId::new(side, self.round);
        let runtime = two_workers();
        self.criterion.benchmark_group(work).bench_function(id, |bencher| {
            bencher.iter_custom(|each| {
                let started = ProcessTime::now();
                runtime.block_on(drive(at_once, each, call.clone()));
                started.elapsed() / at_once
            });
        });
    }

    fn between<F>(&mut self, work: &str, side: &str, run: impl Fn() -> F)
    where
        F: Future<Output = Took>,
    {
        let id = BenchmarkId::new(side, self.round);
        let runtime = two_workers();
        self.criterion.benchmark_group(work).bench_function(id, |bencher| {
            bencher.iter_custom(|each| {
                runtime.block_on(async {
                    let mut took = Took::ZERO;
                    for _ in 0..each {
                        took += black_box(run().await);
                    }
                    took
                })
            });
        });
    }

    /// Kept where criterion keeps what it estimates of times.
    fn number(&mut self, work: &str, side: &str, number: impl FnOnce() -> f64) -> Result<()> {
        let number = number();
        let Some(home) = env::var_os("CRITERION_HOME").filter(|_| !is_trial()) else { return Ok(()) };
        let folder = Path::new(&home).join(work).join(side).join(self.round.to_string()).join("new");
        fs::create_dir_all(&folder)?;
        let estimates = format!("{{\"median\": {{\"point_estimate\": {number}}}}}\n");
        Ok(fs::write(folder.join("estimates.json"), estimates)?)
    }
}

/// A runtime for one side in one round, so that no side pays for another's connections.
fn two_workers() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("two threads can be had")
}
