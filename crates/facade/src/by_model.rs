//! Chooses the limits of a request by its model: shared ones, or this process's own.

use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use mainstay_bucket::{
    ByKey, Limited, Limiter, Patience, Reservation, Reserve,
    redis::{RedisLimits, SharedReserve},
};
use pin_project_lite::pin_project;

use crate::ChatRequest;

/// The limits of a request's model.
#[allow(unnameable_types, reason = "a part of a service's type that nobody names")]
#[derive(Clone, Debug)]
pub struct ByModel<R = ChatRequest> {
    pub(crate) own: ByKey<String, str, fn(&R) -> &str>,
    pub(crate) shared: Arc<HashMap<String, RedisLimits>>,
    pub(crate) model: fn(&R) -> &str,
}

pin_project! {
    #[allow(missing_debug_implementations, reason = "a future")]
    #[project = Waits]
    pub enum Reserving {
        Own { #[pin] reserve: Reserve },
        Shared { #[pin] reserve: SharedReserve },
    }
}

// === impl ByModel ===

impl<R> ByModel<R> {
    fn shared(&self, request: &R) -> Option<&RedisLimits> {
        if self.shared.is_empty() {
            return None;
        }
        self.shared.get((self.model)(request))
    }
}

impl<R> Limiter<R> for ByModel<R> {
    type Reserve = Reserving;

    fn try_reserve(&self, request: &R, tokens: u64) -> Option<Reservation> {
        match self.shared(request) {
            Some(shared) => shared.try_reserve(request, tokens),
            None => self.own.try_reserve(request, tokens),
        }
    }

    fn reserve(&self, request: &R, tokens: u64, patience: Patience) -> Reserving {
        match self.shared(request) {
            Some(shared) => Reserving::Shared { reserve: shared.reserve(tokens, patience) },
            None => Reserving::Own { reserve: self.own.reserve(request, tokens, patience) },
        }
    }
}

// === impl Reserving ===

impl Future for Reserving {
    type Output = Result<Reservation, Limited>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            Waits::Own { reserve } => reserve.poll(cx),
            Waits::Shared { reserve } => reserve.poll(cx),
        }
    }
}
