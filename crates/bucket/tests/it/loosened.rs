//! How a limit that a server has narrowed becomes wider again.

use std::{sync::Arc, time::Duration};

use mainstay_bucket::{Limits, Patience, Rate, Reason, ServerLimits, TokenBucket};
use tokio::time::Instant;

use crate::headers::{read, wide};

/// Requests a minute, as the limits are now: what is there after an hour without calls.
async fn after_an_hour(limits: &Limits) -> i64 {
    tokio::time::advance(Duration::from_secs(3_600)).await;
    limits.requests_available().unwrap()
}

fn says(limit: &str) -> ServerLimits {
    read(&[("x-ratelimit-limit-requests", limit)])
}

#[tokio::test(start_paused = true)]
async fn a_smaller_limit_is_loosened_by_a_greater_one_up_to_what_was_set() {
    let limits = Arc::new(Limits::default().requests_per_minute(600).unwrap());
    limits.learn(&says("1"));
    assert_eq!(limits.requests_available(), Some(1));
    limits.try_reserve(0).unwrap().settle(0);
    assert!(limits.try_reserve(0).is_none());
    limits.learn(&says("60"));
    // A change may cost a tick of the clock, and with it a token until that has passed.
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(limits.requests_available(), Some(0), "what is gone is gone");
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(limits.requests_available(), Some(1), "60 a minute");
    assert_eq!(after_an_hour(&limits).await, 60);
    limits.learn(&says("100000"));
    assert_eq!(limits.requests_available(), Some(60), "no burst comes of it");
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(limits.requests_available(), Some(70), "600 a minute");
    assert_eq!(after_an_hour(&limits).await, 600);
}

#[tokio::test(start_paused = true)]
async fn a_capacity_that_is_set_meanwhile_holds_when_the_servers_word_is_forgotten() {
    let requests = TokenBucket::new(600, Rate::per_minute(600.0).unwrap()).unwrap();
    let limits = Limits::default().requests(requests.clone());
    limits.learn(&says("20"));
    for (set, held) in [(1_200, 20), (10, 10), (1_200, 20)] {
        requests.set_capacity(set).unwrap();
        assert_eq!(requests.capacity(), held);
    }
    assert_eq!(after_an_hour(&limits).await, 20, "nothing was asked for since");
    limits.learn(&says("100000"));
    assert_eq!(after_an_hour(&limits).await, 1_200);
}

#[tokio::test(start_paused = true)]
async fn a_smaller_limit_that_is_not_said_again_is_forgotten_after_ten_minutes() {
    let (minute, nothing) = (Duration::from_secs(60), ServerLimits::default());
    for (again, minutes) in [(None, 10), (Some("1"), 15), (Some("2"), 15)] {
        let limits = Arc::new(Limits::default().requests_per_minute(600).unwrap());
        limits.learn(&says("1"));
        for passed in 1..=minutes {
            limits.learn(&nothing);
            assert!(limits.requests_available() <= Some(2), "{again:?}: after {passed} minutes");
            tokio::time::advance(minute).await;
            if let (5, Some(limit)) = (passed, again) {
                limits.learn(&says(limit));
            }
        }
        limits.learn(&nothing);
        assert!(limits.requests_available() <= Some(2), "what is there stays");
        tokio::time::advance(minute / 60).await;
        assert!(limits.requests_available() >= Some(11), "{again:?}: ten a second");
        assert_eq!(after_an_hour(&limits).await, 600);
    }
}

#[tokio::test(start_paused = true)]
async fn an_hour_without_calls_forgets_no_limit() {
    let limits = wide();
    limits.learn(&says("10"));
    assert_eq!(after_an_hour(&limits).await, 10);
    // It is said again, after that hour.
    limits.learn(&says("10"));
    limits.learn(&ServerLimits::default());
    assert_eq!(after_an_hour(&limits).await, 10);
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_lets_no_call_pass_locks_nobody_out_for_long() {
    for looked_at in [false, true] {
        let limits = Arc::new(Limits::default().tokens_per_minute(60_000).unwrap());
        limits.learn(&read(&[("x-ratelimit-limit-tokens", "1")]));
        let refused = || limits.reserve(500, Patience::new(Duration::from_secs(60)));
        tokio::time::advance(Duration::from_secs(599)).await;
        assert_eq!(refused().await.unwrap_err().reason(), Reason::TooLarge);
        assert_eq!(limits.wait_for(500), None);
        tokio::time::advance(Duration::from_secs(1)).await;
        if looked_at {
            assert!(limits.wait_for(500).is_some(), "a router asks before");
        }
        refused().await.unwrap().settle(500);
        assert_eq!(limits.wait_for(60_001), None, "more than was set");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rate_that_is_set_meanwhile_counts_when_the_servers_word_is_forgotten() {
    let bucket = TokenBucket::new(600, Rate::per_second(10.0).unwrap()).unwrap();
    let limits = Arc::new(Limits::default().requests(bucket.clone()));
    limits.learn(&says("60"));
    bucket.set_rate(Rate::per_second(20.0).unwrap()).unwrap();
    assert_eq!((bucket.capacity(), bucket.rate()), (60, Rate::per_second(1.0).unwrap()));
    bucket.set_rate(Rate::per_second(0.5).unwrap()).unwrap();
    assert_eq!(bucket.rate(), Rate::per_second(0.5).unwrap(), "less than the server allows");
    bucket.set_rate(Rate::per_second(20.0).unwrap()).unwrap();
    bucket.set_rate(Rate::new(600, Duration::from_secs(366 * 86_400)).unwrap()).unwrap_err();
    limits.learn(&says("1200"));
    assert_eq!((bucket.capacity(), bucket.rate()), (600, Rate::per_second(20.0).unwrap()));
}

#[tokio::test(start_paused = true)]
async fn a_limit_above_a_small_buckets_capacity_narrows_its_rate() {
    // Ten thousand times as much fits, so that one has places, and the other does not.
    for capacity in [50, 500_000] {
        let times = capacity / 50;
        let rate = |per_second: u64| Rate::new(per_second * times, Duration::from_secs(1)).unwrap();
        let bucket = TokenBucket::new(capacity, rate(100)).unwrap();
        let limits = Arc::new(Limits::default().requests(bucket.clone()));
        let hear = |per_minute: u64| {
            limits.learn(&says(&(per_minute * times).to_string()));
            (bucket.capacity() / times, bucket.rate())
        };
        assert_eq!(hear(6_000), (50, rate(100)));
        for _ in 0..2 {
            assert_eq!(hear(3_000), (50, rate(50)));
        }
        assert_eq!(hear(30), (30, Rate::new(times, Duration::from_secs(2)).unwrap()));
        assert_eq!(hear(3_000), (50, rate(50)));
        assert_eq!(hear(6_000), (50, rate(100)));
        // Said no more, it is forgotten like a smaller capacity.
        assert_eq!(hear(3_000), (50, rate(50)));
        tokio::time::advance(Duration::from_secs(300)).await;
        assert_eq!(hear(3_000), (50, rate(50)));
        tokio::time::advance(Duration::from_secs(599)).await;
        limits.learn(&ServerLimits::default());
        assert_eq!(bucket.rate(), rate(50));
        tokio::time::advance(Duration::from_secs(1)).await;
        limits.learn(&ServerLimits::default());
        assert_eq!(bucket.rate(), rate(100));
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_by_a_smaller_limit_is_served_by_the_greater_one() {
    let limits = Arc::new(Limits::default().requests_per_minute(600).unwrap());
    limits.learn(&says("1"));
    limits.try_reserve(0).unwrap().settle(0);
    let (other, start) = (Arc::clone(&limits), Instant::now());
    let waiter = tokio::spawn(async move {
        other.reserve(0, Patience::new(Duration::from_secs(300))).await.unwrap().settle(0);
        start.elapsed()
    });
    tokio::task::yield_now().await;
    limits.learn(&says("600"));
    let took = waiter.await.unwrap();
    assert!(took <= Duration::from_millis(102), "{took:?}: ten a second");
}
