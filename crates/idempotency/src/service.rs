use std::{
    fmt,
    task::{Context, Poll},
};

use mainstay_fault::HasFault;
use tower_service::Service;

use crate::{
    Answer, KeyOf, Memory, Refused, ResponseFuture, future::State, settings::Settings, shelf::Begun,
    turn::Turn,
};

/// A service whose calls are run once for each key. Made by [`IdempotencyLayer`](crate::IdempotencyLayer).
///
/// # Clone
///
/// Clones share the records.
///
/// # Readiness
///
/// Ready when the inner service is. A call that must wait for another one, or for a store, gives that back at once, and polls a clone ready
/// when its turn has come.
///
/// # Errors
///
/// Those of the inner service, whose type must be `From<`[`Refused`]`>` and say its faults.
#[derive(Clone)]
pub struct Idempotency<S, T, K> {
    inner: S,
    store: Memory<T>,
    key: K,
    settings: Settings,
}

// === impl Idempotency ===

impl<S, T, K> Idempotency<S, T, K> {
    pub(crate) const fn new(inner: S, store: Memory<T>, key: K, settings: Settings) -> Self {
        Self { inner, store, key, settings }
    }
}

impl<S, K, Request> Service<Request> for Idempotency<S, S::Response, K>
where
    S: Service<Request> + Clone,
    S::Response: Clone,
    S::Error: From<Refused> + HasFault,
    K: KeyOf<Request> + Clone,
{
    type Response = Answer<S::Response>;
    type Error = S::Error;
    type Future = ResponseFuture<S, K, Request>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let Some(key) = self.key.key(&request) else {
            return ResponseFuture::running(self.inner.call(request), None);
        };
        let begun = match self.store.peek(key, || self.key.fingerprint(&request)) {
            Some(begun) => begun,
            None => self.store.begin(key, self.key.fingerprint(&request)),
        };
        match begun {
            Begun::Replay(response, age) => ResponseFuture::new(State::replay(response, age)),
            // Nothing to be claimed first: the service that is ready runs it at once.
            Begun::Lead(lead) if !self.store.is_backed() => {
                ResponseFuture::running(self.inner.call(request), Some(lead))
            }
            begun => {
                // Whoever has to wait gives back that it is ready: those it waits for may be waiting for that.
                let service = self.inner.clone();
                self.inner = service.clone();
                let turn = Turn::new(service, self.store.clone(), self.key.clone(), self.settings, request);
                ResponseFuture::new(turn.begin(begun))
            }
        }
    }
}

impl<S: fmt::Debug, T, K> fmt::Debug for Idempotency<S, T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Idempotency")
            .field("inner", &self.inner)
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}
