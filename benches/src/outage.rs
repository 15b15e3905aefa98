//! A full outage on a paused clock: every call fails, and each is a person or a program that tries its luck once. What does the upstream
//! see of it?
//!
//! Steady state: a thousand calls a second for a minute, after half a minute in which what was saved up is spent.

use std::{
    future::{Ready, ready},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use anyhow::Result;
use mainstay_backoff::{RetryLayer, RetryPolicy};
use mainstay_fault::{Fault, FaultKind};
use mainstay_router::{Backend, Backends, Router, strategy::LeastLoaded};
use tokio::{
    runtime::Builder,
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::{
    Measure,
    once::Request,
    rows::{CALLS_MADE, MAINSTAY_LAYERS, OUTAGE, TOWER_RESILIENCE},
};

const SECOND: Duration = Duration::from_secs(1);
const RATE: u32 = 1_000;

/// Measures the work of this program.
///
/// # Errors
///
/// A layer cannot be made.
///
/// # Panics
///
/// Never: there is room for two backends.
pub fn measure_all(measure: &mut impl Measure) -> Result<()> {
    measure.number(OUTAGE, MAINSTAY_LAYERS, || {
        amplification(|seen| {
            let backend = |name: &str| {
                let seen = Arc::clone(seen);
                Backend::new(name, service_fn(move |request| fail(&seen, request)))
            };
            let backends = Backends::new([backend("one"), backend("other")]).expect("there is room for two");
            let router = Router::new(backends, LeastLoaded::default());
            RetryLayer::new(RetryPolicy::default()).layer(router)
        })
    })?;
    measure.number(OUTAGE, TOWER_RESILIENCE, || {
        amplification(|seen| {
            let seen = Arc::clone(seen);
            let retry =
                tower_resilience_retry::RetryLayer::<Request, u64, Fault>::builder().max_attempts(4).build();
            retry.layer(service_fn(move |request| fail(&seen, request)))
        })
    })?;
    measure.number(OUTAGE, CALLS_MADE, || 1.0)
}

fn fail(seen: &AtomicU64, _: Request) -> Ready<Result<u64, Fault>> {
    seen.fetch_add(1, Relaxed);
    ready(Err(FaultKind::Unavailable.into()))
}

/// What the upstream sees for each call that is made.
fn amplification<S>(stack: impl FnOnce(&Arc<AtomicU64>) -> S) -> f64
where
    S: Service<Request, Error: Send, Response: Send, Future: Send> + Clone + Send + 'static,
{
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime can be had").block_on(async {
        let seen = Arc::new(AtomicU64::new(0));
        let service = stack(&seen);
        let mut calls = JoinSet::new();
        for second in 0..30 {
            burst(second, &service, &mut calls).await;
        }
        let before = seen.load(Relaxed);
        for second in 30..90 {
            burst(second, &service, &mut calls).await;
        }
        // Some retries were earned before the minute and seen in it, and the other way round: a few in ten thousand.
        let seen = (seen.load(Relaxed) - before) as f64 / f64::from(60 * RATE);
        (seen * 1_000.0).round() / 1_000.0
    })
}

/// The calls of a second, spread over it.
async fn burst<S>(second: u32, service: &S, calls: &mut JoinSet<()>)
where
    S: Service<Request, Error: Send, Response: Send, Future: Send> + Clone + Send + 'static,
{
    let began = Instant::now();
    for call in 0..RATE {
        let service = service.clone();
        let id = u64::from(second * RATE + call);
        calls.spawn(async move { drop(service.oneshot(id).await) });
        if call % 10 == 9 {
            sleep_until(began + SECOND * (call + 1) / RATE).await;
            while calls.try_join_next().is_some() {}
        }
    }
}
