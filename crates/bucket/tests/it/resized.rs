//! Limits whose numbers change while they are used.

use std::{sync::Arc, time::Duration};

use mainstay_bucket::{Limits, Patience};
use tokio::{
    task::{JoinSet, yield_now},
    time::advance,
};

use crate::headers::read;

fn tokens(number: u64) -> Arc<Limits> {
    Arc::new(Limits::default().tokens_per_minute(number).unwrap())
}

fn requests(number: u64) -> Arc<Limits> {
    Arc::new(Limits::default().requests_per_minute(number).unwrap())
}

fn in_flight(number: u32) -> Arc<Limits> {
    Arc::new(Limits::default().in_flight(number).unwrap())
}

/// So many calls that wait.
async fn line(limits: &Arc<Limits>, calls: usize) -> JoinSet<()> {
    let mut line = JoinSet::new();
    for _ in 0..calls {
        let call = limits.reserve(0, Patience::new(Duration::MAX));
        line.spawn(async { call.await.unwrap().settle(0) });
    }
    yield_now().await;
    line
}

#[tokio::test(start_paused = true)]
async fn what_was_used_or_is_owed_is_gone_of_another_number() {
    for (number, used, other, left) in [
        (600, 100, 1_200, 1_100),
        (600, 100, 200, 100),
        (600, 500, 200, 0),
        (600, 650, 200, -50),
        (600, 650, 1_200, 550),
        (1_000_000, 400_000, 600_000, 200_000),
        (600, 600, 10_000_000_000, 9_999_999_400),
        (10_000_000_000, 100, 600, 500),
        (10_000_000_000, 100, 1, 0),
    ] {
        let limits = tokens(number);
        limits.try_reserve(1).unwrap().settle(used);
        limits.resize(&tokens(other));
        // A change may cost a tick of the clock, and with it a token until that has passed.
        let now = limits.tokens_available().unwrap();
        assert!([left - 1, left].contains(&now), "{used} of {number}, now {other}: {now}, not {left}");
        advance(Duration::from_secs(3_600)).await;
        assert_eq!(limits.tokens_available(), i64::try_from(other).ok());
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_under_way_settles_on_the_new_numbers() {
    let limits = tokens(600);
    let call = limits.try_reserve(500).unwrap();
    limits.resize(&tokens(60));
    call.settle(10);
    assert_eq!(limits.tokens_available(), Some(60));
    let call = limits.try_reserve(60).unwrap();
    limits.resize(&tokens(600));
    call.settle(700);
    assert_eq!(limits.tokens_available(), Some(-100));
}

#[tokio::test(start_paused = true)]
async fn a_pause_and_the_servers_word_outlast_a_change() {
    let limits = requests(600);
    limits.learn(&read(&[("x-ratelimit-limit-requests", "60")]));
    limits.pause(Duration::from_secs(90));
    for (set, held) in [(500, 60), (30, 30), (10_000_000, 60)] {
        limits.resize(&requests(set));
        assert_eq!(limits.wait_for(0), Some(Duration::from_secs(90)), "{set}");
        let before = limits.requests_available().unwrap();
        assert!((held - 1..=held).contains(&before), "{before} of {set}");
    }
    limits.learn(&read(&[("x-ratelimit-limit-requests", "100000000")]));
    advance(Duration::from_secs(90)).await;
    assert_eq!(limits.requests_available(), Some(10_000_000));
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_are_served_at_the_new_rate_and_by_nobody_else() {
    let limits = requests(60);
    while limits.try_reserve(0).is_some() {}
    let mut line = line(&limits, 60).await;
    limits.resize(&requests(30));
    assert_eq!(limits.waiting(), 60);
    advance(Duration::from_secs(60)).await;
    while limits.waiting() > 30 {
        line.join_next().await.unwrap().unwrap();
    }
    assert!(limits.try_reserve(0).is_none(), "nobody passes them");
    advance(Duration::from_secs(1)).await;
    yield_now().await;
    assert_eq!(limits.waiting(), 30);
}

#[tokio::test(start_paused = true)]
async fn calls_under_way_stay_under_way_when_fewer_may_be() {
    let limits = in_flight(4);
    let mut calls: Vec<_> = (0..4).map(|_| limits.try_reserve(0).unwrap()).collect();
    limits.resize(&in_flight(2));
    for left in [-2, -1, 0] {
        assert_eq!(limits.in_flight_available(), Some(left));
        assert!(limits.try_reserve(0).is_none());
        calls.pop();
    }
    drop(limits.try_reserve(0).unwrap());
    assert_eq!(limits.in_flight_available(), Some(1));
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_begin_when_more_may_be_under_way() {
    let limits = in_flight(1);
    let first = limits.try_reserve(0).unwrap();
    let line = line(&limits, 2).await;
    limits.resize(&in_flight(1));
    assert_eq!(limits.waiting(), 2);
    limits.resize(&in_flight(3));
    assert_eq!(limits.waiting(), 0);
    line.join_all().await;
    limits.resize(&in_flight(1));
    assert_eq!(limits.in_flight_available(), Some(0), "no place is lost, and none won");
    drop(first);
    assert_eq!(limits.in_flight_available(), Some(1));
}

#[test]
fn a_limit_that_either_lacks_is_left_as_it_is() {
    let limits = in_flight(2);
    limits.resize(&tokens(10));
    tokens(10).resize(&limits);
    assert_eq!((limits.in_flight_available(), limits.tokens_available()), (Some(2), None));
}
