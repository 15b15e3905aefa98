//! Calls with a key: one that was answered before, and one that is new.
//!
//! A hit is a whole call through the layer: readiness, the key's look-up, the future. The peers' are a look-up alone, of an
//! `Arc`, among as many keys, with the same time to live.

use std::{
    future::{Future, Ready, ready},
    hint::black_box,
    pin::Pin,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use anyhow::Result;
use mainstay_idempotency::{IdempotencyLayer, Memory, Refused};
use moka::sync::Cache;
use tower::{Layer, Service, service_fn};
use tower_resilience_coalesce::CoalesceLayer;

use crate::{
    Measure,
    once::poll,
    rows::{COALESCE, FLOCK, IDEMPOTENCY, MISS, MOKA, MOKA_GET_WITH, REPLAY},
};

const TTL: Duration = Duration::from_secs(3_600);

/// Keys in another order than that in which they were put in.
static KEYS: LazyLock<Vec<String>> =
    LazyLock::new(|| (0..1_000).map(|at| format!("document-{:04}", at * 7_919 % 1_000)).collect());

/// Measures the works of this program.
///
/// # Errors
///
/// None: all there is to set up can be.
pub fn measure_all(measure: &mut impl Measure) -> Result<()> {
    replay(measure);
    miss(measure);
    flock(measure);
    Ok(())
}

/// A key that was answered before.
fn replay(measure: &mut impl Measure) {
    let layer = IdempotencyLayer::new().key(key_of).store(Memory::new().ttl(TTL));
    let mut service = layer.layer(service_fn(succeed));
    let mut keys = KEYS.iter().map(String::as_str).cycle();
    KEYS.iter().for_each(|key| assert!(call(&mut service, key)));
    measure.unit(REPLAY, IDEMPOTENCY, || assert!(keys.next().is_some_and(|key| call(&mut service, key))));

    let cache: Cache<String, Arc<u64>> = Cache::builder().time_to_live(TTL).max_capacity(100_000).build();
    KEYS.iter().for_each(|key| cache.insert(key.clone(), Arc::new(1)));
    let mut keys = KEYS.iter().map(String::as_str).cycle();
    measure
        .unit(REPLAY, MOKA, || assert!(keys.next().is_some_and(|key| cache.get(black_box(key)).is_some())));

    let mut keys = KEYS.iter().map(String::as_str).cycle();
    let get = |key| cache.get_with_by_ref(black_box(key), || Arc::new(1));
    measure.unit(REPLAY, MOKA_GET_WITH, || assert!(keys.next().is_some_and(|key| *get(key) == 1)));
}

/// A key that nobody has: what the first call pays. Nothing is stored, so that each is new.
fn miss(measure: &mut impl Measure) {
    let layer = IdempotencyLayer::new().key(key_of).store(Memory::new().keeping(|_| false));
    let mut service = layer.layer(service_fn(succeed));
    measure.unit(MISS, IDEMPOTENCY, || assert!(call(&mut service, "new")));

    let mut service = CoalesceLayer::new(|key: &&'static str| *key).layer(service_fn(answer));
    measure.unit(MISS, COALESCE, || assert!(call(&mut service, "new")));
}

/// Many at once: one runs, and the others get its answer. All are polled once before its end and once after it.
fn flock(measure: &mut impl Measure) {
    let layer = IdempotencyLayer::new().key(key_of).store(Memory::new().keeping(|_| false));
    let service = layer.layer(service_fn(|key: &'static str| Gated(key.len() as u64)));
    measure.unit(FLOCK, IDEMPOTENCY, || assert!(all_served(&service)));

    let service =
        CoalesceLayer::new(|key: &&'static str| *key).layer(service_fn(|key: &'static str| async move {
            Gated(key.len() as u64).await.map_err(|_| "failed")
        }));
    measure.unit(FLOCK, COALESCE, || assert!(all_served(&service)));
}

/// Whether executions may end.
static OPEN: AtomicBool = AtomicBool::new(false);

/// An execution that ends when it may.
struct Gated(u64);

impl Future for Gated {
    type Output = Result<Arc<u64>, Failure>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        if OPEN.load(Relaxed) { Poll::Ready(Ok(Arc::new(self.0))) } else { Poll::Pending }
    }
}

fn all_served<S: Service<&'static str> + Clone>(service: &S) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    OPEN.store(false, Relaxed);
    let mut calls: Vec<_> = (0..64)
        .map(|_| {
            let mut service = black_box(service).clone();
            assert!(service.poll_ready(&mut cx).is_ready());
            Box::pin(service.call(black_box("new")))
        })
        .collect();
    assert!(calls.iter_mut().all(|call| call.as_mut().poll(&mut cx).is_pending()));
    OPEN.store(true, Relaxed);
    calls.iter_mut().all(|call| matches!(call.as_mut().poll(&mut cx), Poll::Ready(Ok(_))))
}

#[allow(clippy::unnecessary_wraps, reason = "a key may be missing")]
fn key_of<'a>(key: &'a &'static str) -> Option<&'a str> {
    Some(key)
}

/// Calls a service as a runtime would.
fn call<S: Service<&'static str>>(service: &mut S, key: &'static str) -> bool {
    let service = black_box(service);
    assert!(service.poll_ready(&mut Context::from_waker(Waker::noop())).is_ready());
    matches!(poll(service.call(black_box(key))), Poll::Ready(Ok(_)))
}

#[inline(never)]
fn succeed(key: &'static str) -> Ready<Result<Arc<u64>, Failure>> {
    ready(Ok(Arc::new(key.len() as u64)))
}

#[inline(never)]
fn answer(key: &'static str) -> Ready<Result<Arc<u64>, String>> {
    ready(Ok(Arc::new(key.len() as u64)))
}

/// What a call fails with: it never does.
#[derive(Debug)]
struct Failure(Refused);

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self(refused)
    }
}

impl mainstay_fault::HasFault for Failure {
    fn fault(&self) -> mainstay_fault::Fault {
        self.0.fault()
    }
}
