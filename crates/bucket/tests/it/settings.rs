use std::{sync::Arc, time::Duration};

use mainstay_bucket::{Limits, Rate, TokenBucket};
use tokio::time::advance;

#[test]
fn rates_that_make_no_sense_are_errors_that_say_so() {
    for tokens in [0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e11, 1e-6, f64::MIN_POSITIVE] {
        let error = Rate::per_second(tokens).unwrap_err();
        assert_eq!(error.field(), "rate");
        assert!(error.to_string().contains(&tokens.to_string()), "{error}");
    }
    for (tokens, per) in [
        (0, Duration::from_secs(1)),
        (1, Duration::ZERO),
        (u64::MAX, Duration::from_nanos(1)),
        (1, Duration::MAX),
    ] {
        Rate::new(tokens, per).unwrap_err();
    }
}

#[test]
fn capacities_that_make_no_sense_are_errors_that_say_so() {
    let rate = Rate::per_second(1.0).unwrap();
    let error = TokenBucket::new(0, rate).unwrap_err();
    assert_eq!(error.to_string(), "capacity must be at least one token, not 0");
    let error = TokenBucket::new(u64::MAX, rate).unwrap_err();
    assert_eq!(
        error.to_string(),
        "capacity must be so small that the bucket fills within a year, not 18446744073709551615"
    );
    let bucket = TokenBucket::new(1_000_000, rate).unwrap();
    bucket.set_rate(Rate::new(1, Duration::from_secs(3_600)).unwrap()).unwrap_err();
    assert_eq!(bucket.rate(), rate);
}

#[test]
fn a_limit_of_none_a_minute_is_named() {
    let requests = Limits::default().requests_per_minute(0).unwrap_err();
    assert_eq!(
        requests.to_string(),
        "requests_per_minute must be at least one, and at most 1e10 a second, not 0"
    );
    let tokens = Limits::default().tokens_per_minute(u64::MAX).unwrap_err();
    assert_eq!(tokens.field(), "tokens_per_minute");
}

#[tokio::test(start_paused = true)]
async fn the_largest_numbers_do_no_harm() {
    let bucket = TokenBucket::new(1 << 57, Rate::per_second(1e10).unwrap()).unwrap();
    bucket.refund(u64::MAX);
    bucket.try_acquire(1 << 57).unwrap();
    for _ in 0..3 {
        bucket.charge(u64::MAX);
    }
    assert!(bucket.available() < 0);
    bucket.try_acquire(u64::MAX).unwrap_err();
    bucket.try_acquire(1).unwrap_err();
    bucket.pause(Duration::MAX);
    assert!(bucket.try_acquire(1).unwrap_err().wait() > Some(Duration::from_secs(365 * 24 * 3_600)));
}

#[tokio::test(start_paused = true)]
async fn an_absurd_usage_locks_nobody_out_for_more_than_an_hour() {
    let hour = Duration::from_secs(3_600);
    for pause in [Duration::ZERO, Duration::from_secs(1)] {
        let limits = Arc::new(Limits::default().tokens_per_minute(90_000).unwrap());
        let calls = [(); 3].map(|()| limits.try_reserve(1_000).unwrap());
        limits.pause(pause);
        for (call, used) in calls.into_iter().zip([1_000_000_000_000, u64::MAX, u64::MAX]) {
            call.settle(used);
            let wait = limits.wait_for(1).unwrap();
            assert!(wait <= hour && wait > hour * 9 / 10, "{used}: {wait:?}");
        }
        advance(hour).await;
        limits.try_reserve(80_000).unwrap().settle(170_000);
        assert_eq!(limits.tokens_available(), Some(-80_000), "what may be true counts");
    }
    // A bucket that takes longer than that to fill may owe as much as it holds.
    let slow = TokenBucket::new(100, Rate::new(1, 24 * hour).unwrap()).unwrap();
    let limits = Arc::new(Limits::default().tokens(slow));
    let calls = [(); 2].map(|()| limits.try_reserve(10).unwrap());
    for (call, (used, left)) in calls.into_iter().zip([(150, -60), (u64::MAX, -100)]) {
        call.settle(used);
        assert_eq!(limits.tokens_available(), Some(left));
    }
}
