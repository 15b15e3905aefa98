use std::{sync::Arc, time::Duration};

use mainstay_bucket::{Limit, Limits, Patience, Rate, Reason, TokenBucket};
use proptest::prelude::*;
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
async fn a_pause_is_told_from_a_limit_that_is_reached() {
    let (limits, patience) = (three(), Patience::new(Duration::from_secs(20)));
    let refused = || async { limits.reserve(3_000, patience).await.unwrap_err() };
    limits.pause(Duration::from_secs(25));
    let error = refused().await;
    assert_eq!((error.limit(), error.reason()), (Limit::Requests, Reason::Paused));
    assert_eq!(error.to_string(), "the limit on requests is paused: the wait of 25s is too long");

    // Where the tokens come later than the pause ends, they are what is waited for.
    advance(Duration::from_secs(25)).await;
    limits.try_reserve(6_000).unwrap().settle(6_000);
    limits.pause(Duration::from_secs(25));
    let error = refused().await;
    assert_eq!((error.limit(), error.reason()), (Limit::Tokens, Reason::TooLong));
    assert_eq!(error.to_string(), "the limit on tokens is reached: the wait of 30s is too long");
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
async fn what_a_later_limit_would_refuse_is_not_waited_for() {
    let (limits, start) = (three(), Instant::now());
    let held = [limits.try_reserve(0).unwrap(), limits.try_reserve(0).unwrap()];
    let error = limits.reserve(6_001, MINUTE).await.unwrap_err();
    assert_eq!((error.limit(), error.reason()), (Limit::Tokens, Reason::TooLarge));
    drop(held);

    // Tokens in 10 s, but a request only in 20.
    limits.try_reserve(6_000).unwrap().settle(6_000);
    limits.pause(Duration::from_secs(1));
    let requests = TokenBucket::new(1, Rate::new(1, Duration::from_secs(20)).unwrap()).unwrap();
    requests.try_acquire(1).unwrap();
    let tokens = TokenBucket::new(100, Rate::per_second(1.0).unwrap()).unwrap();
    tokens.try_acquire(100).unwrap();
    let limits = Arc::new(Limits::default().tokens(tokens).requests(requests));
    let error = limits.reserve(10, Patience::new(Duration::from_secs(15))).await.unwrap_err();
    assert_eq!((error.limit(), error.retry_after()), (Limit::Requests, Some(Duration::from_secs(20))));
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_already_is_not_waited_for() {
    let (limits, start) = (three(), Instant::now());
    for _ in 0..60 {
        limits.try_reserve(0).unwrap().settle(0);
    }
    // The tokens are there, though not twice, and a request is in a second.
    limits.reserve(4_000, Patience::new(Duration::from_secs(10))).await.unwrap().settle(4_000);
    assert_eq!(start.elapsed().as_secs(), 1);
    let error = limits.reserve(2_000, Patience::new(Duration::ZERO)).await.unwrap_err();
    assert_eq!((error.limit(), error.retry_after()), (Limit::Requests, Some(Duration::from_secs(1))));
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_is_told_the_longest_of_all_waits() {
    let tokens = TokenBucket::new(100, Rate::per_second(1.0).unwrap()).unwrap();
    let requests = TokenBucket::new(10, Rate::per_second(1.0).unwrap()).unwrap();
    tokens.try_acquire(100).unwrap();
    let limits = Arc::new(Limits::default().tokens(tokens.clone()).requests(requests.clone()));
    let other = Arc::clone(&limits);
    let waiter = tokio::spawn(async move { other.reserve(4, Patience::new(Duration::from_secs(5))).await });
    tokio::task::yield_now().await;
    tokens.charge(6);
    requests.charge(29);
    let error = waiter.await.unwrap().unwrap_err();
    assert_eq!((error.limit(), error.retry_after()), (Limit::Requests, Some(Duration::from_secs(15))));
    advance(Duration::from_secs(15)).await;
    limits.try_reserve(4).unwrap().settle(4);
}

#[tokio::test(start_paused = true)]
async fn who_waits_out_a_pause_is_told_the_truth() {
    let limits = Arc::new(Limits::default().tokens_per_minute(60).unwrap());
    limits.pause(Duration::from_secs(10));
    let (other, start) = (Arc::clone(&limits), Instant::now());
    let first = tokio::spawn(async move { other.reserve(60, MINUTE).await.unwrap().settle(60) });
    tokio::task::yield_now().await;
    let error = limits.reserve(30, Patience::new(Duration::ZERO)).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(40)));
    limits.reserve(30, MINUTE).await.unwrap().settle(30);
    assert_eq!(start.elapsed().as_secs(), 40);
    first.await.unwrap();
}

proptest! {
    #[test]
    fn what_was_reserved_is_accounted_for_however_calls_end(calls in prop::collection::vec((0u64..3_000, 0u64..4_000, 0usize..5), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let limits = Arc::new(Limits::default().tokens_per_minute(60_000).unwrap().requests_per_minute(100).unwrap().in_flight(50).unwrap());
            let (mut spent, mut sent, mut open) = (0, 0, Vec::new());
            for (reserved, used, end) in calls {
                let Some(mut reservation) = limits.try_reserve(reserved) else { continue };
                sent += 1;
                let (all, used) = (i64::try_from(reserved).unwrap(), i64::try_from(used).unwrap());
                spent += match end {
                    0 => { reservation.cancel(); sent -= 1; 0 }
                    1 => { drop(reservation); all }
                    2 => { reservation.count(used.unsigned_abs()); open.push(reservation); used }
                    3 => { reservation.used(used.unsigned_abs()); drop(reservation); used }
                    _ => { reservation.settle(used.unsigned_abs()); used }
                };
            }
            drop(open);
            // Some may lie in the thread's place, and some of what overflowed it be lost: never more is there than that.
            let left = limits.tokens_available().unwrap();
            assert!((60_000 - spent - 3_750..=60_000 - spent).contains(&left), "{left} of {}", 60_000 - spent);
            assert_eq!(limits.requests_available(), Some(100 - sent));
            assert_eq!(limits.in_flight_available(), Some(50));
        });
    }
}

#[derive(Clone, Debug)]
enum Past {
    Call { reserved: u64, used: u64 },
    Pause(u64),
    Advance(u64),
}

fn any_past(most: u64) -> impl Strategy<Value = Past> {
    prop_oneof![
        4 => (0..=most, 0..=most).prop_map(|(reserved, used)| Past::Call { reserved, used }),
        1 => (0..20_000u64).prop_map(Past::Pause),
        3 => (0..20_000u64).prop_map(Past::Advance),
    ]
}

/// After whatever has happened, a call is refused or served; refused, it is served when it was told, and not before.
fn told_the_truth(capacity: u64, millis: u64, past: &[Past], tokens: u64) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let bucket = |capacity, millis| {
            TokenBucket::new(capacity, Rate::new(1, Duration::from_millis(millis)).unwrap())
        };
        let limits =
            Limits::default().tokens(bucket(capacity, millis).unwrap()).requests(bucket(2, 3_000).unwrap());
        let limits = Arc::new(limits);
        for past in past {
            match *past {
                Past::Call { reserved, used } => {
                    limits.try_reserve(reserved).into_iter().for_each(|reservation| reservation.settle(used));
                }
                Past::Pause(millis) => limits.pause(Duration::from_millis(millis)),
                Past::Advance(millis) => advance(Duration::from_millis(millis)).await,
            }
        }
        let Err(error) = limits.reserve(tokens, Patience::new(Duration::ZERO)).await else { return };
        let wait = error.retry_after().unwrap();
        advance(wait.saturating_sub(Duration::from_millis(1))).await;
        assert!(wait.as_millis() == 0 || limits.try_reserve(tokens).is_none(), "served before {wait:?}");
        advance(wait.min(Duration::from_millis(1))).await;
        assert!(limits.try_reserve(tokens).is_some(), "not served after {wait:?}");
    });
}

proptest! {
    #[test]
    fn what_a_refusal_says_is_true(past in prop::collection::vec(any_past(40), 0..12), tokens in 0u64..=40) {
        told_the_truth(40, 400, &past, tokens);
    }

    #[test]
    fn what_a_refusal_says_is_true_of_a_bucket_with_places(past in prop::collection::vec(any_past(4_000), 0..12), tokens in 0u64..=4_000) {
        told_the_truth(4_000, 4, &past, tokens);
    }
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
