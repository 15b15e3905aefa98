//! Real threads on a real clock. Nothing is asserted of time but the bound.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    thread,
    time::Duration,
};

use mainstay_bucket::{Rate, TokenBucket};
use tokio::time::Instant;

/// Two threads take as much as they can, and give back some of it; the sum is bounded.
fn soak(bucket: &TokenBucket, tokens: u64, back: bool) {
    let (taken, stop, start) = (AtomicU64::new(0), AtomicBool::new(false), Instant::now());
    let take = || {
        let mut rng = 1u64;
        while !stop.load(Relaxed) {
            rng = rng.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let wanted = tokens + (rng >> 60);
            if bucket.try_acquire(wanted).is_ok() {
                taken.fetch_add(wanted, Relaxed);
                if back && (rng >> 33).is_multiple_of(8) {
                    taken.fetch_sub(wanted, Relaxed);
                    bucket.refund(wanted);
                }
            }
        }
    };
    thread::scope(|scope| {
        scope.spawn(take);
        scope.spawn(take);
        while start.elapsed() < Duration::from_millis(400) {
            thread::yield_now();
        }
        stop.store(true, Relaxed);
    });
    let refill = bucket.rate().tokens_per_second() * start.elapsed().as_secs_f64();
    let (taken, most) = (taken.into_inner() as f64, bucket.capacity() as f64 + refill);
    assert!(taken <= most, "{taken} taken, and at most {most} were there");
    // The threads may stand still while the machine does other things, but not a burst is lost.
    assert!(taken >= bucket.capacity() as f64 * 15.0 / 16.0, "only {taken} taken");
}

#[test]
fn two_threads_take_no_more_than_there_is() {
    for (capacity, rate) in [(100, 1e4), (10_000, 1e6), (1_000_000, 1e7), (1_000_000, 1e9)] {
        for tokens in [1, 20] {
            let bucket = TokenBucket::new(capacity, Rate::per_second(rate).unwrap()).unwrap();
            soak(&bucket, tokens, false);
            soak(&TokenBucket::new(capacity, bucket.rate()).unwrap(), tokens, true);
        }
    }
}

#[test]
fn without_refill_no_more_than_the_capacity_is_given() {
    for _ in 0..200 {
        let bucket = TokenBucket::new(100_000, Rate::new(1, Duration::from_secs(300)).unwrap()).unwrap();
        let count = || (0..60_000).filter(|_| bucket.try_acquire(1).is_ok()).count();
        let taken: usize = thread::scope(|scope| {
            let threads = [scope.spawn(count), scope.spawn(count)];
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert!((93_750..=100_000).contains(&taken), "{taken} of 100,000 given");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_wait_and_those_who_try_share_what_there_is() {
    let bucket = TokenBucket::new(10_000, Rate::per_second(100_000.0).unwrap()).unwrap();
    let start = Instant::now();
    let mut tasks = Vec::new();
    for task in 0..8u64 {
        let bucket = bucket.clone();
        tasks.push(tokio::spawn(async move {
            let mut taken = 0;
            while start.elapsed() < Duration::from_millis(400) {
                let wanted = 1 + task * 100;
                if task % 2 == 0 {
                    bucket.acquire(wanted).await.unwrap();
                    taken += wanted;
                } else if bucket.try_acquire(wanted).is_ok() {
                    taken += wanted;
                }
                // Some give up while they wait.
                let _ = tokio::time::timeout(Duration::from_micros(10), bucket.acquire(500))
                    .await
                    .map(|_| taken += 500);
                tokio::task::yield_now().await;
            }
            taken
        }));
    }
    let mut taken = 0;
    for task in tasks {
        taken += task.await.unwrap();
    }
    let most = 10_000.0 + 100_000.0 * start.elapsed().as_secs_f64();
    assert!(taken as f64 <= most, "{taken} taken, and at most {most} were there");
    assert_eq!(bucket.waiting(), 0);
}
