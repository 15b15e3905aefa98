use std::{sync::Arc, time::Duration};

use mainstay_bucket::{Limit, Limits, Patience, Rate, Reason, TokenBucket};
use tokio::time::{Instant, advance, timeout};

const MINUTE: Patience = Patience::new(Duration::from_secs(60));

fn three() -> Arc<Limits> {
    let limits = Limits::default().requests_per_minute(60).unwrap().tokens_per_minute(6_000).unwrap();
    Arc::new(limits.in_flight(2).unwrap())
}

fn available(limits: &Limits) -> [i64; 3] {
    [limits.in_flight_available(), limits.tokens_available(), limits.requests_available()].map(Option::unwrap)
}

#[tokio::test(start_paused = true)]
async fn all_or_none_are_taken() {
    let limits = three();
    let held = limits.try_reserve(5_000).unwrap();
    assert_eq!(available(&limits), [1, 1_000, 59]);
    assert!(limits.try_reserve(2_000).is_none());
    assert_eq!(available(&limits), [1, 1_000, 59]);
    limits.reserve(2_000, Patience::new(Duration::from_secs(9))).await.unwrap_err();
    assert_eq!(available(&limits), [1, 1_000, 59]);
    held.cancel();
    assert_eq!(available(&limits), [2, 6_000, 60]);
}

#[tokio::test(start_paused = true)]
async fn what_was_reserved_is_what_was_used_plus_what_is_given_back() {
    for (used, left) in [(0, 6_000), (400, 5_600), (1_000, 5_000), (9_000, -3_000)] {
        let limits = three();
        limits.try_reserve(1_000).unwrap().settle(used);
        assert_eq!(available(&limits), [2, left, 59]);
    }
    let limits = three();
    drop(limits.try_reserve(1_000).unwrap());
    assert_eq!(available(&limits), [2, 5_000, 59], "nobody knows better than the estimate");
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_would_be_too_long_is_refused_before_it_begins() {
    let (limits, start) = (three(), Instant::now());
    limits.try_reserve(6_000).unwrap().settle(6_000);
    let error = limits.reserve(3_000, Patience::new(Duration::from_secs(29))).await.unwrap_err();
    assert_eq!((error.limit(), error.reason()), (Limit::Tokens, Reason::TooLong));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(30)));
    assert_eq!(start.elapsed(), Duration::ZERO);

    // What it says is true.
    advance(Duration::from_secs(30)).await;
    limits.try_reserve(3_000).unwrap().settle(3_000);
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_already_count() {
    let limits = three();
    limits.try_reserve(6_000).unwrap().settle(6_000);
    let (other, start) = (Arc::clone(&limits), Instant::now());
    let first = tokio::spawn(async move { other.reserve(4_000, MINUTE).await.unwrap().settle(4_000) });
    tokio::task::yield_now().await;
    let error = limits.reserve(3_000, MINUTE).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(70)));
    let full = limits.reserve(1, MINUTE.waiters(1)).await.unwrap_err();
    assert_eq!(full.reason(), Reason::LineFull);
    assert_eq!(full.retry_after().map(|wait| wait.as_millis()), Some(40_010));
    first.await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 40);
}

#[tokio::test(start_paused = true)]
async fn places_in_flight_go_to_those_who_came_first() {
    let limits = three();
    let held = [limits.try_reserve(0).unwrap(), limits.try_reserve(0).unwrap()];
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let limits = Arc::clone(&limits);
        tasks.push(tokio::spawn(async move {
            let reservation = limits.reserve(0, MINUTE).await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(reservation);
            Instant::now()
        }));
        tokio::task::yield_now().await;
    }
    assert!(limits.try_reserve(0).is_none());
    tasks[1].abort();
    advance(Duration::from_secs(10)).await;
    let start = Instant::now();
    drop(held);
    let mut seconds = Vec::new();
    for task in
        [0, 2, 3].map(|task| std::mem::replace(&mut tasks[task], tokio::spawn(async { Instant::now() })))
    {
        seconds.push((task.await.unwrap() - start).as_secs());
    }
    assert_eq!(seconds, [1, 1, 2]);
    assert_eq!(limits.in_flight_available(), Some(2));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_he_said_for_what_cannot_be_foreseen() {
    let (limits, start) = (three(), Instant::now());
    let held = [limits.try_reserve(0).unwrap(), limits.try_reserve(0).unwrap()];
    let error = limits.reserve(0, Patience::new(Duration::from_secs(3))).await.unwrap_err();
    assert_eq!((error.limit(), error.retry_after()), (Limit::InFlight, None));
    assert_eq!(start.elapsed().as_secs(), 3);
    drop(held);

    // A pause while it waits makes a wait too long that was short enough.
    limits.try_reserve(6_000).unwrap().settle(6_000);
    let (other, start) = (Arc::clone(&limits), Instant::now());
    let waiter = tokio::spawn(async move { other.reserve(100, Patience::new(Duration::from_secs(5))).await });
    tokio::task::yield_now().await;
    limits.pause(Duration::from_secs(20));
    let error = waiter.await.unwrap().unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(15)));
    assert_eq!(start.elapsed().as_secs(), 5);
    assert_eq!(available(&limits)[0], 2);
}

#[tokio::test(start_paused = true)]
async fn what_never_fits_is_refused_at_once() {
    let limits = three();
    let error = limits.reserve(6_001, MINUTE).await.unwrap_err();
    assert_eq!((error.reason(), error.retry_after()), (Reason::TooLarge, None));
    assert_eq!(available(&limits), [2, 6_000, 60]);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_dropped_gives_back_what_it_took_before() {
    let limits = three();
    limits.try_reserve(6_000).unwrap().settle(6_000);
    let waiting = limits.reserve(100, MINUTE);
    timeout(Duration::from_millis(500), waiting).await.unwrap_err();
    assert_eq!(available(&limits)[0], 2);
    advance(Duration::from_millis(500)).await;
    assert_eq!(available(&limits), [2, 100, 60]);
}

#[tokio::test(start_paused = true)]
async fn buckets_may_be_shared_between_limits() {
    let shared = TokenBucket::new(100, Rate::per_second(1.0).unwrap()).unwrap();
    let mine = Arc::new(Limits::default().tokens(shared.clone()));
    let yours = Arc::new(Limits::default().tokens(shared));
    drop(mine.try_reserve(60).unwrap());
    assert!(yours.try_reserve(60).is_none());
    assert!(Limits::default().in_flight(0).is_err());
}
