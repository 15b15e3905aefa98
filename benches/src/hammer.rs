use std::{hint::black_box, num::NonZero, sync::Barrier, thread, time::Duration};

use cpu_time::ThreadTime;
use tokio::time::Instant;

/// How often a sample is taken until its threads have run side by side.
const TRIES: u32 = 10;
/// Shorter samples warm up: to start threads takes as long.
const SHORT: Duration = Duration::from_millis(2);
/// The share of the processors that threads side by side must have had.
const SIDE_BY_SIDE: f64 = 0.9;

/// How the calls of several threads went.
struct Run {
    /// The time that they took a thread, in the mean.
    took: Duration,
    /// From the first one's start to the last one's end.
    window: Duration,
    /// How many threads ran at a time, in the mean: the time on processors for each time that passed.
    abreast: f64,
}

/// Makes calls on so many threads, `each` on each of them. Returns the time that this took a thread, in the mean.
///
/// Several threads are new ones, alike, as the workers of a runtime are. Where other programs keep them from running side
/// by side, they do not contend, and the sample says nothing: it is taken again, and what is returned is the one in which
/// most ran at a time. That depends on the machine alone, not on what was measured. If it is not enough, standard error says so.
pub(crate) fn hammer<T>(threads: u32, each: u64, call: impl Fn() -> T + Sync) -> Duration {
    if threads == 1 {
        let started = Instant::now();
        make(each, &call);
        return started.elapsed();
    }
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let enough = SIDE_BY_SIDE * processors.min(threads as usize) as f64;
    let mut best = Run::new(threads, each, &call);
    for _ in 1..TRIES {
        if best.window < SHORT || best.abreast >= enough {
            return best.took;
        }
        let next = Run::new(threads, each, &call);
        if next.abreast > best.abreast {
            best = next;
        }
    }
    if best.abreast < enough {
        eprintln!("not side by side: of {threads} threads {:.2} ran at a time", best.abreast);
    }
    best.took
}

fn make<T>(each: u64, call: impl Fn() -> T) {
    for _ in 0..each {
        black_box(call());
    }
}

// === impl Run ===

impl Run {
    fn new<T>(threads: u32, each: u64, call: impl Fn() -> T + Sync) -> Self {
        let start = Barrier::new(threads as usize);
        let work = || {
            start.wait();
            let (started, on_processor) = (Instant::now(), ThreadTime::now());
            make(each, &call);
            (started, on_processor.elapsed(), Instant::now())
        };
        let times: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            threads.into_iter().map(|thread| thread.join().expect("no call panics")).collect()
        });
        let took: Duration = times.iter().map(|(start, _, end)| *end - *start).sum();
        let on_processor: Duration = times.iter().map(|(_, time, _)| *time).sum();
        let first = times.iter().map(|(start, ..)| *start).min().expect("there are threads");
        let last = times.iter().map(|(.., end)| *end).max().expect("there are threads");
        let window = last - first;
        Self {
            took: took / threads,
            window,
            abreast: on_processor.as_secs_f64() / window.as_secs_f64().max(f64::MIN_POSITIVE),
        }
    }
}
