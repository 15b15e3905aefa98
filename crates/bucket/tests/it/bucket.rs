use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use mainstay_bucket::{Clock, Rate, TokenBucket, TooLarge, TryAcquireError};
use tokio::time::{Instant, advance};

/// Stands where it was put, in seconds.
struct Hand<'a>(&'a AtomicU64);

impl Clock for Hand<'_> {
    fn elapsed(&self) -> Duration {
        Duration::from_secs(self.0.load(Relaxed))
    }
}

fn bucket(capacity: u64, per_second: f64) -> TokenBucket {
    TokenBucket::new(capacity, Rate::per_second(per_second).unwrap()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_full_bucket_gives_its_capacity_and_then_says_how_long_to_wait() {
    for capacity in [10, 1_000, 100_000] {
        let bucket = bucket(capacity, 10.0);
        for _ in 0..capacity {
            bucket.try_acquire(1).unwrap();
        }
        let wait = bucket.try_acquire(3).unwrap_err().wait().unwrap();
        assert!(wait.abs_diff(Duration::from_millis(300)) < Duration::from_micros(1), "{wait:?}");
        advance(wait).await;
        bucket.try_acquire(3).unwrap();
        bucket.try_acquire(1).unwrap_err();
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_always_there_and_more_than_the_capacity_never() {
    let bucket = bucket(10, 1.0);
    bucket.try_acquire(10).unwrap();
    bucket.try_acquire(0).unwrap();
    assert_eq!(bucket.acquire(0).await, Ok(Duration::ZERO));
    let error = TooLarge { wanted: 11, capacity: 10 };
    assert_eq!(bucket.try_acquire(11), Err(TryAcquireError::TooLarge(error)));
    assert_eq!(bucket.acquire(11).await, Err(error));
    assert_eq!(error.to_string(), "11 tokens were asked for, and the bucket holds 10 at most");
}

#[tokio::test(start_paused = true)]
async fn a_debt_is_paid_back_before_anyone_is_served() {
    let bucket = bucket(10_000, 100.0);
    bucket.try_acquire(1).unwrap();
    bucket.charge(10_999);
    assert_eq!(bucket.available(), -1_000);
    assert_eq!(bucket.acquire(1).await.unwrap().as_millis(), 10_010);
}

#[tokio::test(start_paused = true)]
async fn a_refund_is_there_at_once_and_never_overfills() {
    let bucket = bucket(100, 1.0);
    bucket.try_acquire(100).unwrap();
    bucket.refund(60);
    assert_eq!(bucket.available(), 60);
    bucket.refund(1_000);
    assert_eq!(bucket.available(), 100);
    bucket.try_acquire(100).unwrap();
    bucket.try_acquire(1).unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_new_rate_holds_from_now_on_and_changes_nothing_that_is_there() {
    let bucket = bucket(100, 1.0);
    bucket.try_acquire(100).unwrap();
    advance(Duration::from_secs(50)).await;
    assert_eq!(bucket.available(), 50);
    bucket.set_rate(Rate::per_second(10.0).unwrap()).unwrap();
    assert_eq!(bucket.available(), 50);
    advance(Duration::from_secs(3)).await;
    assert_eq!(bucket.available(), 80);
}

#[tokio::test(start_paused = true)]
async fn a_new_capacity_changes_nothing_that_is_there_or_owed_but_what_is_above_it() {
    for capacity in [100, 1_000_000] {
        let bucket = bucket(capacity, 1.0);
        let there = |bucket: &TokenBucket| u64::try_from(bucket.available()).unwrap();
        bucket.try_acquire(capacity / 2).unwrap();
        for (new, left) in [(2 * capacity, capacity / 2), (capacity / 5, capacity / 5)] {
            bucket.set_capacity(new).unwrap();
            // A change may cost a tick of the clock, and with it a token until that has passed.
            advance(Duration::from_millis(1)).await;
            assert_eq!((bucket.capacity(), there(&bucket)), (new, left));
        }
        bucket.try_acquire(capacity / 5 + 1).unwrap_err();
        bucket.try_acquire(capacity / 5).unwrap();
        bucket.charge(10);
        bucket.set_capacity(capacity).unwrap();
        advance(Duration::from_secs(10)).await;
        assert_eq!(bucket.available(), 0);
        bucket.set_capacity(0).unwrap_err();
        bucket.set_capacity(u64::MAX).unwrap_err();
        assert_eq!(bucket.capacity(), capacity);
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_taken_in_advance_counts_at_a_new_capacity() {
    let bucket = bucket(1_000_000, 1.0);
    let drained = || (0..1_001).take_while(|_| bucket.try_acquire(1).is_ok()).count();
    bucket.try_acquire(1).unwrap();
    for (capacity, most) in [(100, 100), (1_000, 0), (1_000_000, 0)] {
        bucket.set_capacity(capacity).unwrap();
        advance(Duration::from_millis(1)).await;
        assert_eq!(drained(), most, "{capacity}");
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_is_served_during_a_pause() {
    for capacity in [10, 10_000] {
        let bucket = bucket(capacity, 1.0);
        bucket.try_acquire(1).unwrap();
        bucket.pause_until(Instant::now() + Duration::from_secs(5));
        bucket.pause(Duration::from_secs(2));
        let wait = bucket.try_acquire(1).unwrap_err().wait();
        assert_eq!(wait, Some(Duration::from_secs(5)), "the later end counts");
        assert_eq!(bucket.acquire(2).await, Ok(Duration::from_secs(5)));
        bucket.try_acquire(1).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn the_long_run_is_true_to_the_rate() {
    for (capacity, per_second) in [(100, 7.0), (6_000, 1_000.0 / 3.0), (1_000_000, 123_456.789)] {
        let bucket = bucket(capacity, per_second);
        let take = capacity / 10;
        let (start, mut taken) = (Instant::now(), 0);
        bucket.charge(capacity);
        while start.elapsed() < Duration::from_secs(3_600) {
            bucket.acquire(take).await.unwrap();
            taken += take;
        }
        let drift = taken as f64 / (per_second * start.elapsed().as_secs_f64()) - 1.0;
        assert!(drift.abs() < 0.001, "{per_second} tokens a second drift by {drift}");
    }
}

#[test]
fn a_clock_that_runs_backwards_gives_nothing_twice() {
    for capacity in [10, 10_000] {
        let seconds = AtomicU64::new(100);
        let bucket =
            TokenBucket::with_clock(capacity, Rate::per_second(1.0).unwrap(), Hand(&seconds)).unwrap();
        bucket.try_acquire(capacity).unwrap();
        for back in [95, 0, 99, 100] {
            seconds.store(back, Relaxed);
            let wait = bucket.try_acquire(1).unwrap_err().wait();
            assert_eq!(
                wait,
                Some(Duration::from_secs(101 - back)),
                "it stands still until the clock is back"
            );
        }
        seconds.store(105, Relaxed);
        bucket.try_acquire(5).unwrap();
        bucket.try_acquire(1).unwrap_err();
    }
}

#[test]
fn a_clock_that_counts_from_1970_limits_like_any_other() {
    for capacity in [10, 10_000] {
        let seconds = AtomicU64::new(1_790_000_000);
        let rate = Rate::per_second(capacity as f64 / 10.0).unwrap();
        let bucket = TokenBucket::with_clock(capacity, rate, Hand(&seconds)).unwrap();
        for _ in 0..10 {
            bucket.try_acquire(capacity / 10).unwrap();
        }
        let wait = bucket.try_acquire(capacity / 10).unwrap_err().wait();
        assert_eq!(wait, Some(Duration::from_secs(1)));
        seconds.fetch_add(1, Relaxed);
        bucket.try_acquire(capacity / 10).unwrap();
        bucket.try_acquire(capacity / 10).unwrap_err();
        // Even if it is put back to its beginning.
        seconds.store(0, Relaxed);
        bucket.try_acquire(1).unwrap_err();
    }
}

#[test]
fn no_rounding_gives_a_token() {
    let (noon, capacity) = (AtomicU64::new(0), 100);
    for (tokens, nanos) in [(3, 1), (7, 1), (10, 3), (1, 3), (7, 1_000)] {
        let rate = Rate::new(tokens, Duration::from_nanos(nanos)).unwrap();
        assert!(
            rate.tokens_per_second() <= tokens as f64 * 1e9 / nanos as f64,
            "{rate:?} is faster than asked"
        );

        let bucket = TokenBucket::with_clock(capacity, rate, Hand(&noon)).unwrap();
        let taken = (0..200).filter(|_| bucket.try_acquire(1).is_ok()).count();
        assert!((60..=100).contains(&taken), "{taken} taken of {capacity}");

        let bucket = TokenBucket::with_clock(capacity, rate, Hand(&noon)).unwrap();
        bucket.try_acquire(capacity).unwrap();
        for other in (1..=1_000).map(|tokens| Rate::new(tokens, Duration::from_nanos(331)).unwrap()) {
            bucket.set_rate(other).unwrap();
            bucket.set_rate(rate).unwrap();
            assert!(bucket.available() <= 0, "{bucket:?}");
        }
    }
}
