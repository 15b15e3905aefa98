//! The whole stack around a service that is ready and answers at once: what a call pays for all that may happen to it.
//!
//! Ours is idempotency (for a call without a key), two tiers, retries, a router among two backends, and before each of them limits of requests
//! and tokens that are settled on what was used. The peer is a retry and a limiter of requests alone.

use std::{
    future::{Ready, ready},
    sync::LazyLock,
    task::Poll,
    time::Duration,
};

use anyhow::Result;
use mainstay_backoff::{RetryLayer, RetryPolicy};
use mainstay_bucket::{Limited, Limits, RateLimitLayer, usage};
use mainstay_fallback::{Answer, Exhausted, Fallback, Tier};
use mainstay_fault::{Fault, HasFault};
use mainstay_idempotency::{IdempotencyLayer, Refused};
use mainstay_router::{Backend, Backends, Router, strategy::LeastLoaded};
use tower::{
    Layer, Service, service_fn,
    util::{MapErr, MapResponse},
};
use tower_resilience_ratelimiter::RateLimiterLayer;

use crate::{
    Measure,
    limiter::{AT_ONCE, bucket},
    once::{Request, call},
    rows::{MAINSTAY_LAYERS, NO_STACK, STACK, TOWER_RESILIENCE},
};

/// What a call fails with: it never does. A word, as errors are that keep what they know in a box.
#[derive(Clone, Debug)]
struct Failure(Box<Fault>);

static POLICY: LazyLock<RetryPolicy> = LazyLock::new(RetryPolicy::default);
static LIMITS: LazyLock<[Limits; 2]> =
    LazyLock::new(|| [(); 2].map(|()| Limits::default().requests(bucket()).tokens(bucket())));

/// Measures the works of this program.
///
/// # Errors
///
/// A layer cannot be made.
pub fn measure_all(measure: &mut impl Measure) -> Result<()> {
    let inner = service_fn(succeed);

    let backends = LIMITS.iter().enumerate().map(|(at, limits)| {
        let layer = RateLimitLayer::from_static(limits)
            .weigh(|tokens: &Request| *tokens * 2)
            .meter(usage(|tokens: &u64| Some(*tokens)));
        Backend::new(at.to_string(), layer.layer(inner))
    });
    let router = Router::new(Backends::new(backends)?, LeastLoaded::default());
    let retried = RetryLayer::from_static(&POLICY).layer(MapErr::new(router, |error| Failure::of(&error)));
    let below = Tier::new("below", inner);
    let tiers = Fallback::first("first", retried).then(below);
    let tiers = MapErr::new(tiers, |error: Exhausted<Failure>| Failure::of(&error));
    let once = IdempotencyLayer::new().layer(MapResponse::new(tiers, Answer::into_inner));
    measure_service(measure, MAINSTAY_LAYERS, once);

    let limiter = RateLimiterLayer::builder()
        .limit_for_period(AT_ONCE as usize)
        .refresh_period(Duration::from_secs(4))
        .build()?;
    let retry = tower_resilience_retry::RetryLayer::<Request, u64, _>::builder().build();
    measure_service(measure, TOWER_RESILIENCE, retry.layer(limiter.layer(inner)));

    measure_service(measure, NO_STACK, inner);
    Ok(())
}

fn measure_service<S: Service<Request>>(measure: &mut impl Measure, side: &str, mut service: S) {
    measure.unit(STACK, side, || assert!(matches!(call(&mut service), Poll::Ready(Ok(_)))));
}

#[inline(never)]
fn succeed(request: Request) -> Ready<Result<u64, Failure>> {
    ready(Ok(request))
}

// === impl Failure ===

impl Failure {
    fn of(error: &impl HasFault) -> Self {
        Self(Box::new(error.fault()))
    }
}

impl HasFault for Failure {
    fn fault(&self) -> Fault {
        *self.0
    }
}

impl From<Limited> for Failure {
    fn from(error: Limited) -> Self {
        Self::of(&error)
    }
}

impl From<Refused> for Failure {
    fn from(error: Refused) -> Self {
        Self::of(&error)
    }
}
