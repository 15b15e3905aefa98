use std::{convert::Infallible, sync::LazyLock, time::Duration};

use mainstay_bucket::{Limits, RateLimitLayer};
use mainstay_testkit::{check_cancel, check_contract};
use tower::{BoxError, ServiceBuilder};

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
