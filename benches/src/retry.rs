//! A retry around work that succeeds at once: what every call pays for the one that fails.
//!
//! All sides do the same: ask the service whether it is ready, call it with a small request, poll the future once, with
//! a waker that does nothing and without a runtime. The compiler may not look into the inner service, nor keep the future
//! out of memory: where there is nothing to be called and nobody to wait, tower's retry is compiled away whole.

use std::{
    future::{Ready, ready},
    hint::black_box,
    sync::{Arc, LazyLock},
};

use anyhow::Result;
use backon::{ExponentialBuilder, Retryable};
use mainstay_backoff::{RetryLayer, RetryPolicy, retry};
use mainstay_fault::Fault;
use tower::{
    Layer,
    retry::{
        Policy,
        budget::{Budget, TpsBudget},
    },
    service_fn,
};

use crate::{
    Measure,
    once::{Request, call, poll},
    rows::{
        BACKOFF, BACKOFF_STATIC, BACKON, NO_RETRY, RETRY, RETRY_CLOSURE, TOWER, TOWER_BUDGET,
        TOWER_RESILIENCE,
    },
};

/// tower's own retry at its cheapest: it keeps a copy of the request, and never sends it again.
#[derive(Clone, Copy)]
struct NeverRetry;

/// The defaults, for as long as the program runs.
static POLICY: LazyLock<RetryPolicy> = LazyLock::new(RetryPolicy::default);

/// tower's own retry as its documentation shows it: within a budget, which successes pay into.
#[derive(Clone, Default)]
struct WithinBudget(Arc<TpsBudget>);

/// Measures the works of this program.
///
/// # Errors
///
/// None: all there is to set up can be.
pub fn measure_all(measure: &mut impl Measure) -> Result<()> {
    layers(measure);
    closures(measure);
    Ok(())
}

fn layers(measure: &mut impl Measure) {
    let inner = service_fn(succeed);

    let mut service = RetryLayer::from_static(&POLICY).layer(inner);
    measure.unit(RETRY, BACKOFF_STATIC, || call(&mut service));

    let mut service = RetryLayer::new(RetryPolicy::default()).layer(inner);
    measure.unit(RETRY, BACKOFF, || call(&mut service));

    let mut service = tower::retry::RetryLayer::new(NeverRetry).layer(inner);
    measure.unit(RETRY, TOWER, || call(&mut service));

    let mut service = tower::retry::RetryLayer::new(WithinBudget::default()).layer(inner);
    measure.unit(RETRY, TOWER_BUDGET, || call(&mut service));

    let mut service = inner;
    measure.unit(RETRY, NO_RETRY, || call(&mut service));

    let resilient = tower_resilience_retry::RetryLayer::<Request, u64, Fault>::builder().build();
    let mut service = resilient.layer(inner);
    measure.unit(RETRY, TOWER_RESILIENCE, || call(&mut service));
}

/// One policy for all calls, as both sides' documentation says: ours shares its budget, backon's is copied.
fn closures(measure: &mut impl Measure) {
    let ours = || retry(&*POLICY, || succeed(black_box(1)));
    measure.unit(RETRY_CLOSURE, BACKOFF, || poll(ours()));

    let policy = ExponentialBuilder::default();
    let theirs = || (|| succeed(black_box(1))).retry(policy);
    measure.unit(RETRY_CLOSURE, BACKON, || poll(theirs()));
}

#[inline(never)]
fn succeed(request: Request) -> Ready<Result<u64, Fault>> {
    ready(Ok(request))
}

// === impl NeverRetry ===

impl<T, E> Policy<Request, T, E> for NeverRetry {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut Request, _: &mut Result<T, E>) -> Option<Ready<()>> {
        None
    }

    fn clone_request(&mut self, request: &Request) -> Option<Request> {
        Some(*request)
    }
}

// === impl WithinBudget ===

impl<T, E> Policy<Request, T, E> for WithinBudget {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut Request, result: &mut Result<T, E>) -> Option<Ready<()>> {
        match result {
            Ok(_) => {
                self.0.deposit();
                None
            }
            Err(_) => self.0.withdraw().then(|| ready(())),
        }
    }

    fn clone_request(&mut self, request: &Request) -> Option<Request> {
        Some(*request)
    }
}
