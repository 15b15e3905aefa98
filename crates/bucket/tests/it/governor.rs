use std::{num::NonZeroU32, time::Duration};

use governor::{Quota, RateLimiter, clock::FakeRelativeClock, middleware::StateInformationMiddleware};
use mainstay_bucket::{
    Limited, RateLimitLayer, Reason,
    governor::{Governed, GovernedByKey},
};
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};

fn quota() -> Quota {
    Quota::per_second(NonZeroU32::new(2).unwrap())
}

fn limited(error: BoxError) -> Limited {
    *error.downcast().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_direct_limiter_stands_in_the_layer() {
    let clock = FakeRelativeClock::default();
    let limiter = RateLimiter::direct_with_clock(quota(), clock.clone());
    let layer = RateLimitLayer::with_limiter(Governed::new(limiter)).weigh(|cells: &u64| *cells);
    let mut service = layer.clone().layer(service_fn(|cells: u64| async move { Ok::<_, BoxError>(cells) }));
    assert_eq!(service.ready().await.unwrap().call(2).await.unwrap(), 2);

    let waiting = tokio::spawn(service.ready().await.unwrap().call(1));
    tokio::task::yield_now().await;
    clock.advance(Duration::from_millis(500));
    assert_eq!(waiting.await.unwrap().unwrap(), 1);

    let error = limited(service.ready().await.unwrap().call(3).await.unwrap_err());
    assert_eq!(error.reason(), Reason::TooLarge);
    let mut hasty =
        layer.max_wait(Duration::ZERO).layer(service_fn(|_: u64| async { Ok::<_, BoxError>(()) }));
    let error = limited(hasty.ready().await.unwrap().call(0).await.unwrap_err());
    assert_eq!(error.retry_after(), Some(Duration::from_millis(500)));
}

#[tokio::test(start_paused = true)]
async fn a_keyed_limiter_stands_in_the_layer() {
    let limiter = RateLimiter::hashmap_with_clock(quota(), FakeRelativeClock::default());
    let limiter = GovernedByKey::new(limiter, |tenant: &&'static str| *tenant);
    let layer = RateLimitLayer::with_limiter(limiter).max_wait(Duration::ZERO);
    let mut service = layer.layer(service_fn(|_: &'static str| async { Ok::<_, BoxError>(()) }));
    for (tenant, served) in [("ada", true), ("ada", true), ("ada", false), ("grace", true)] {
        assert_eq!(service.ready().await.unwrap().call(tenant).await.is_ok(), served);
    }
}

#[tokio::test(start_paused = true)]
async fn a_limiter_with_a_middleware_stands_in_the_layer() {
    let limiter = RateLimiter::direct_with_clock(quota(), FakeRelativeClock::default());
    let limiter = limiter.with_middleware::<StateInformationMiddleware>();
    let layer = RateLimitLayer::with_limiter(Governed::new(limiter)).max_wait(Duration::ZERO);
    let mut service = layer.layer(service_fn(|(): ()| async { Ok::<_, BoxError>(()) }));
    for served in [true, true, false] {
        assert_eq!(service.ready().await.unwrap().call(()).await.is_ok(), served);
    }
}
