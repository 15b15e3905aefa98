//! What is not allocated. In a program of its own: it counts all allocations of its thread.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly")]

use std::{
    future::{Ready, ready},
    pin::pin,
    task::{Context, Poll, Waker},
};

use allocation_counter::measure;
use mainstay_bucket::{KeyedBuckets, Limited, Limits, Rate, RateLimitLayer, TokenBucket, usage};
use mainstay_fault::{Fault, HasFault};
use tower::{Layer, Service};

#[derive(Debug)]
struct Failure(Limited);

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

#[derive(Clone)]
struct Echo;

impl Service<u64> for Echo {
    type Response = u64;
    type Error = Failure;
    type Future = Ready<Result<u64, Failure>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u64) -> Self::Future {
        ready(Ok(request))
    }
}

fn finish<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

#[test]
fn what_does_not_wait_does_not_allocate() {
    let limits =
        Limits::default().requests_per_minute(100_000).unwrap().tokens_per_minute(10_000_000).unwrap();
    let layer = RateLimitLayer::new(limits.in_flight(9).unwrap()).weigh(|tokens: &u64| *tokens);
    let mut service = layer.meter(usage(|tokens: &u64| Some(tokens / 2))).layer(Echo);
    let bucket = TokenBucket::new(1_000_000, Rate::per_second(1.0).unwrap()).unwrap();
    let mut work = || {
        for tokens in 0..1_000 {
            assert!(finish(service.call(tokens)).is_ok());
            bucket.try_acquire(1).unwrap();
            finish(bucket.acquire(tokens)).unwrap();
            bucket.refund(tokens);
        }
    };
    work();
    assert_eq!(measure(work).count_total, 0);
}

fn by_name() -> KeyedBuckets<String> {
    KeyedBuckets::new(90_000, Rate::per_minute(90_000.0).unwrap()).unwrap()
}

#[test]
fn a_key_that_is_known_is_looked_up_without_allocating() {
    let tenants = by_name();
    let work = || {
        for _ in 0..1_000 {
            tenants.try_acquire("ada", 1).unwrap();
            tenants.try_acquire("grace", 1).unwrap();
        }
    };
    work();
    assert_eq!(measure(work).count_total, 0);
}

#[test]
fn a_key_takes_some_two_hundred_and_forty_bytes() {
    const KEYS: u32 = 100_000;
    let tenants = by_name();
    let used = measure(|| {
        for key in 0..KEYS {
            tenants.try_acquire(&*format!("tenant-{key:09}"), 1).unwrap();
        }
    });
    let each = used.bytes_current / i64::from(KEYS);
    // Tables that double are half empty at worst.
    assert!((150..350).contains(&each), "{each} bytes");
}
