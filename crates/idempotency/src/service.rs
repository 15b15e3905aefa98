use std::{
    fmt,
    task::{Context, Poll},
};

use mainstay_fault::HasFault;
use tower_service::Service;

use crate::{
    Answer, KeyOf, Memory, Refused, ResponseFuture, WhenFull, future::Waiting, memory::Begun,
    settings::Settings,
};

/// A service whose calls are run once for each key. Made by [`IdempotencyLayer`](crate::IdempotencyLayer).
///
/// # Clone
///
/// Clones share the records.
///
/// # Readiness
///
/// Ready when the inner service is. A call that must wait for another one, and then takes over, polls a clone ready.
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
            Begun::Replay(response, age) => ResponseFuture::replay(Answer::replayed_after(response, age)),
            Begun::Lead(lead) => ResponseFuture::running(self.inner.call(request), Some(lead)),
            Begun::Refused(Refused::FULL) if self.settings.when_full == WhenFull::RunUnrecorded => {
                ResponseFuture::running(self.inner.call(request), None)
            }
            Begun::Refused(refused) => ResponseFuture::refused(refused),
            Begun::Join(flight) => {
                let (service, store, key) = (self.inner.clone(), self.store.clone(), self.key.clone());
                ResponseFuture::waiting(Waiting::new(service, store, key, self.settings, request), flight)
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
