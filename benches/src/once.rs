//! Calls that are made without a runtime: nothing in them has to wait.

use std::{
    hint::black_box,
    pin::pin,
    task::{Context, Poll, Waker},
};

use tower::Service;

/// What is sent: small and [`Copy`], so that keeping it for another attempt costs nothing.
pub(crate) type Request = u64;

/// Calls a service as a runtime would: asks whether it is ready, calls it, polls what it returns.
pub(crate) fn call<S: Service<Request>>(service: &mut S) -> Poll<Result<S::Response, S::Error>> {
    let service = black_box(service);
    let ready = service.poll_ready(&mut Context::from_waker(Waker::noop()));
    assert!(black_box(ready.is_ready()));
    poll(service.call(black_box(1)))
}

/// Polls a future once.
pub(crate) fn poll<F: Future>(future: F) -> Poll<F::Output> {
    let mut future = pin!(future);
    black_box(future.as_mut()).poll(&mut Context::from_waker(Waker::noop()))
}
