use std::{hint::black_box, sync::Barrier, thread, time::Duration};

use tokio::time::Instant;

/// Makes calls on so many threads, `each` on each of them. Returns the time that this took a thread, in the mean.
///
/// They start together. One thread is this one, several are new ones: they are alike, as the workers of a runtime are.
pub(crate) fn hammer<T>(threads: u32, each: u64, call: impl Fn() -> T + Sync) -> Duration {
    let start = Barrier::new(threads as usize);
    let work = || {
        start.wait();
        let started = Instant::now();
        for _ in 0..each {
            black_box(call());
        }
        started.elapsed()
    };
    if threads == 1 {
        return work();
    }
    let took: Duration = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no call panics")).sum()
    });
    took / threads
}
