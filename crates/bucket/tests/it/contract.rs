use std::{
    convert::Infallible,
    sync::{Arc, LazyLock},
    time::Duration,
};

use mainstay_bucket::{KeyedLimits, Limits, RateLimitLayer, by_key};
use mainstay_testkit::{check_cancel, check_contract};
use tokio::time::Instant;
use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};

fn impossible(error: Infallible) -> BoxError {
    match error {}
}

#[tokio::test(start_paused = true)]
async fn readiness_is_taken_from_the_service_that_is_called() {
    let wide = Limits::default().requests_per_minute(6_000).unwrap().in_flight(100).unwrap();
    let narrow = Limits::default().requests_per_minute(1).unwrap().in_flight(1).unwrap();
    for limits in [wide, narrow] {
        let layer = RateLimitLayer::new(limits).max_wait(Duration::from_secs(600));
        let layer = ServiceBuilder::new().layer(layer).map_err(impossible as fn(_) -> _);
        check_contract(&layer.into_inner()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_leaks_nothing() {
    let limits = Limits::default().tokens_per_minute(6_000).unwrap().in_flight(1).unwrap();
    let layer = RateLimitLayer::new(limits).weigh(|_: &u32| 10);
    let layer = ServiceBuilder::new().layer(layer).map_err(impossible as fn(_) -> _);
    check_cancel(&layer.into_inner()).await;
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_its_own_limit_keeps_no_place_further_in() {
    let limits = KeyedLimits::with(|_: &&str| {
        Arc::new(Limits::default().requests_per_minute(1).unwrap().in_flight(1).unwrap())
    });
    let layer = RateLimitLayer::with_limiter(by_key(limits, |key: &&'static str| key));
    let inner = service_fn(async |key: &'static str| Ok::<_, BoxError>(key));
    let service = ServiceBuilder::new().layer(layer).concurrency_limit(1).service(inner);
    service.clone().oneshot("ada").await.unwrap();
    let started = Instant::now();
    let waiting = service.clone().oneshot("ada");
    let (ada, grace) = tokio::join!(waiting, async {
        service.clone().oneshot("grace").await.unwrap();
        started.elapsed()
    });
    assert_eq!((ada.unwrap(), grace), ("ada", Duration::ZERO));
    assert_eq!(started.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_turn_has_come_gives_all_back_if_it_is_dropped_before_the_service_is_ready() {
    let limits = Arc::new(Limits::default().requests_per_minute(60).unwrap().in_flight(2).unwrap());
    let layer = RateLimitLayer::new(Arc::clone(&limits));
    let inner = service_fn(|()| std::future::pending::<Result<(), BoxError>>());
    let service = ServiceBuilder::new().layer(layer).concurrency_limit(1).service(inner);
    limits.pause(Duration::from_secs(1));
    let [sent, unsent] = [(), ()].map(|()| tokio::spawn(service.clone().oneshot(())));
    let left = || (limits.in_flight_available(), limits.requests_available());
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(left(), (Some(0), Some(58)));
    unsent.abort();
    unsent.await.unwrap_err();
    assert_eq!(left(), (Some(1), Some(59)));
    sent.abort();
    sent.await.unwrap_err();
    assert_eq!(left(), (Some(2), Some(59)), "it may have been billed");
}

#[tokio::test(start_paused = true)]
async fn limits_that_are_there_for_good_keep_the_contract_too() {
    static LIMITS: LazyLock<Limits> = LazyLock::new(|| {
        Limits::default()
            .requests_per_minute(1)
            .unwrap()
            .tokens_per_minute(6_000)
            .unwrap()
            .in_flight(1)
            .unwrap()
    });
    let layer = RateLimitLayer::from_static(&LIMITS).weigh(|_: &u32| 10).max_wait(Duration::from_secs(600));
    let layer = ServiceBuilder::new().layer(layer).map_err(impossible as fn(_) -> _).into_inner();
    check_contract(&layer).await;
    assert_eq!(LIMITS.in_flight_available(), Some(1), "what a call held is given back");
}
