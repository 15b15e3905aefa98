//! A choice among backends that are ready and answer at once: a whole call each time, from the choice to the outcome's account.
//!
//! The peer of many backends is two of them: what a choice costs must not grow with their number where it goes by load.

use std::{
    future::{Ready, ready},
    task::Poll,
};

use anyhow::Result;
use mainstay_fault::Fault;
use mainstay_router::{
    Backend, Backends, Price, Profile, Router,
    strategy::{Complexity, CostBudget, LeastLoaded, RoundRobin, Strategy, Weighted},
};
use tower::{Service, service_fn};

use crate::{
    Measure,
    once::{Request, call},
    rows::{BY_COMPLEXITY, BY_COST, BY_LOAD, BY_TURNS, BY_WEIGHT, HUNDRED, NO_ROUTER, TEN, THOUSAND, TWO},
};

const SIZES: [(&str, u32); 4] = [(TWO, 2), (TEN, 10), (HUNDRED, 100), (THOUSAND, 1_000)];

/// Measures the works of this program.
///
/// # Errors
///
/// A backend cannot be made.
pub fn measure_all(measure: &mut impl Measure) -> Result<()> {
    measure_service(measure, BY_LOAD, NO_ROUTER, service_fn(succeed));
    several(measure, BY_LOAD, LeastLoaded::default)?;
    several(measure, BY_TURNS, RoundRobin::default)?;
    several(measure, BY_WEIGHT, || Weighted)?;
    several(measure, BY_COMPLEXITY, Complexity::default)?;
    let by_cost = CostBudget::per_call(0.01)?;
    several(measure, BY_COST, || by_cost.clone())
}

fn several<St: Strategy + 'static>(
    measure: &mut impl Measure,
    work: &str,
    strategy: impl Fn() -> St,
) -> Result<()> {
    for (side, count) in SIZES {
        let price = Price::per_million(2.50, 10.00)?;
        let backends = (0..count).map(|index| {
            let name = index.to_string();
            Backend::new(name, service_fn(succeed)).price(price).window(128_000)
        });
        let profile = Profile { input_tokens: 500, output_tokens: 500, ..Profile::default() };
        let router = Router::new(Backends::new(backends)?, strategy());
        measure_service(measure, work, side, router.describe(move |_: &Request| profile));
    }
    Ok(())
}

fn measure_service<S: Service<Request>>(measure: &mut impl Measure, work: &str, side: &str, mut service: S) {
    measure.unit(work, side, || assert!(matches!(call(&mut service), Poll::Ready(Ok(_)))));
}

#[inline(never)]
fn succeed(request: Request) -> Ready<Result<u64, Fault>> {
    ready(Ok(request))
}
