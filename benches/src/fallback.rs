//! Tiers below a service that is ready and answers at once: what every call pays for the one that falls.

use std::{
    future::{Ready, ready},
    task::Poll,
};

use anyhow::Result;
use mainstay_fallback::{Fallback, SetAnswer, Tier};
use mainstay_fault::Fault;
use tower::{Layer, Service, service_fn};
use tower_resilience_fallback::FallbackLayer;

use crate::{
    Measure,
    once::{Request, call},
    rows::{FALLBACK, NO_FALLBACK, TIERS, TIERS_THREE, TOWER_RESILIENCE},
};

/// Measures the works of this program.
///
/// # Errors
///
/// None: all there is to set up can be.
pub fn measure_all(measure: &mut impl Measure) -> Result<()> {
    let inner = service_fn(succeed);
    let below = || Tier::new("below", inner);

    measure_service(measure, TIERS, Fallback::first("first", inner).then(below()));

    let set = Tier::local("set", SetAnswer::of::<Request, u64>(0));
    measure_service(measure, TIERS_THREE, Fallback::first("first", inner).then(below()).then(set));

    let layer: FallbackLayer<Request, u64, Fault> = FallbackLayer::value(0);
    measure_service(measure, TOWER_RESILIENCE, layer.layer(inner));

    measure_service(measure, NO_FALLBACK, inner);
    Ok(())
}

fn measure_service<S: Service<Request>>(measure: &mut impl Measure, side: &str, mut service: S) {
    measure.unit(FALLBACK, side, || assert!(matches!(call(&mut service), Poll::Ready(Ok(_)))));
}

#[inline(never)]
fn succeed(request: Request) -> Ready<Result<u64, Fault>> {
    ready(Ok(request))
}
