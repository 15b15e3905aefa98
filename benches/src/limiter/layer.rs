//! A rate limit around a service that is ready, and answers at once.

use std::{
    future::{Ready, ready},
    sync::{Arc, LazyLock},
    task::Poll,
    time::Duration,
};

use anyhow::Result;
use mainstay_bucket::{Limited, Limits, RateLimitLayer, usage};
use mainstay_fault::{Fault, HasFault};
use tower::{Layer, Service, service_fn};
use tower_resilience_ratelimiter::RateLimiterLayer;

use super::high::{AT_ONCE, bucket};
use crate::{
    Measure,
    once::{Request, call},
    rows::{ALL_LIMITS, BUCKET, BUCKET_STATIC, LIMIT, NO_LIMIT, TOWER_RESILIENCE},
};

/// What a limited call fails with: it never does.
#[derive(Debug)]
struct Failure(Limited);

/// Limits that are there for as long as the program runs.
static LIMITS: LazyLock<Limits> = LazyLock::new(|| Limits::default().requests(bucket()));

pub(super) fn measure(measure: &mut impl Measure) -> Result<()> {
    let inner = service_fn(succeed);

    measure_service(measure, BUCKET_STATIC, RateLimitLayer::from_static(&LIMITS).layer(inner));

    let limits = Limits::default().requests(bucket());
    measure_service(measure, BUCKET, RateLimitLayer::new(limits).layer(inner));

    let limits = Arc::new(Limits::default().requests(bucket()).tokens(bucket()).in_flight(32)?);
    let layer = RateLimitLayer::new(limits)
        .weigh(|tokens: &Request| *tokens * 2)
        .meter(usage(|tokens: &u64| Some(*tokens)));
    measure_service(measure, ALL_LIMITS, layer.layer(inner));

    let layer = RateLimiterLayer::builder()
        .limit_for_period(AT_ONCE as usize)
        .refresh_period(Duration::from_secs(4))
        .build()?;
    measure_service(measure, TOWER_RESILIENCE, layer.layer(inner));

    measure_service(measure, NO_LIMIT, inner);
    Ok(())
}

fn measure_service<S: Service<Request>>(measure: &mut impl Measure, side: &str, mut service: S) {
    measure.unit(LIMIT, side, || assert!(matches!(call(&mut service), Poll::Ready(Ok(_)))));
}

#[inline(never)]
fn succeed(request: Request) -> Ready<Result<u64, Failure>> {
    ready(Ok(request))
}

// === impl Failure ===

impl From<Limited> for Failure {
    fn from(error: Limited) -> Self {
        Self(error)
    }
}

impl HasFault for Failure {
    fn fault(&self) -> Fault {
        self.0.fault()
    }
}
