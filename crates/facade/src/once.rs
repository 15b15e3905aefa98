//! One key, one effect: how a chat's key is found, and made where it has none.

use std::{
    task::{Context, Poll},
    time::Duration,
};

use mainstay_fault::HasCall;
use mainstay_idempotency::{Fingerprint, Idempotency, IdempotencyLayer, KeyOf, Memory, new_key};
use tokio::time::Instant;
use tower_layer::Layer;
use tower_service::Service;

use crate::{ChatRequest, Served};

/// A service that runs each key once.
pub type Once<S> = Idempotency<S, Served, OnceKey>;

/// Finds a chat's key, if keys are remembered at all.
#[derive(Clone, Copy, Debug)]
pub struct OnceKey {
    on: bool,
}

/// Gives each call a key that has none, so that all its attempts carry the same one.
#[derive(Clone, Copy, Debug)]
pub struct NewKey<S>(S);

/// How keys are remembered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Remember {
    pub(crate) ttl: Duration,
    pub(crate) capacity: usize,
}

/// Makes the layers: one execution for each key -> a key for calls without.
pub(crate) fn once<S>(remember: Option<Remember>, inner: S) -> Once<NewKey<S>> {
    let key = OnceKey { on: remember.is_some() };
    let store = remember.map_or_else(Memory::new, |Remember { ttl, capacity }| {
        Memory::new().ttl(ttl).capacity(capacity).keeping(Served::is_worth_keeping)
    });
    IdempotencyLayer::new().key_by(key).store(store).layer(NewKey(inner))
}

// === impl OnceKey ===

impl KeyOf<ChatRequest> for OnceKey {
    fn key<'a>(&self, request: &'a ChatRequest) -> Option<&'a str> {
        if self.on { request.call()?.key.as_deref() } else { None }
    }

    fn fingerprint(&self, request: &ChatRequest) -> Fingerprint {
        // A body that cannot be written is not sent either, and fails there.
        Fingerprint::of(request).unwrap_or(Fingerprint::new(0))
    }

    fn deadline(&self, request: &ChatRequest) -> Option<Instant> {
        request.call()?.deadline
    }
}

// === impl NewKey ===

impl<S> NewKey<S> {
    pub(crate) const fn new(inner: S) -> Self {
        Self(inner)
    }
}

impl<S: Service<ChatRequest>> Service<ChatRequest> for NewKey<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, mut request: ChatRequest) -> S::Future {
        if let Some(call) = request.call_mut() {
            call.key.get_or_insert_with(new_key);
        }
        self.0.call(request)
    }
}
