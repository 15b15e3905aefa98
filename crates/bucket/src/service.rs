use std::{
    fmt, mem,
    sync::Arc,
    task::{Context, Poll},
};

use mainstay_fault::HasFault;
use tower_service::Service;

use crate::{
    Limited, Limiter, Limits, Meter, ResponseFuture, Track, Unmetered, Untracked, Weigh, Weightless,
    future::Waiting, settings::Settings,
};

/// A service that makes no more calls than its limits allow. Made by [`RateLimitLayer`](crate::RateLimitLayer).
///
/// # Clone
///
/// The inner service must be `Clone`: a call that waits keeps the instance that was ready. So must the
/// meter, of which each call keeps one. Clones share the limits.
///
/// # Readiness
///
/// Ready when the inner service is. The instance that was polled ready makes the call. A refusal comes from the call's
/// future, so that other calls may still be made.
///
/// A call that waits keeps what that instance holds: a place in tower's `ConcurrencyLimit` or `Buffer`, if there is one further in. Where
/// some calls may wait for long while others must go on, as with limits by key, let [`Limits::in_flight`](crate::Limits::in_flight) count instead.
///
/// # Errors
///
/// Those of the inner service, whose type must be `From<`[`Limited`]`>` and say its faults.
#[derive(Clone)]
pub struct RateLimit<S, L = Arc<Limits>, W = Weightless, M = Unmetered, T = Untracked> {
    inner: S,
    limiter: L,
    settings: Settings<W, M, T>,
}

// === impl RateLimit ===

impl<S, L, W, M, T> RateLimit<S, L, W, M, T> {
    pub(crate) const fn new(inner: S, limiter: L, settings: Settings<W, M, T>) -> Self {
        Self { inner, limiter, settings }
    }
}

impl<S, Request, L, W, M, T> Service<Request> for RateLimit<S, L, W, M, T>
where
    S: Service<Request> + Clone,
    S::Error: From<Limited> + HasFault,
    L: Limiter<Request>,
    W: Weigh<Request>,
    M: Meter<S::Response> + Clone,
    T: Track<Request>,
{
    type Response = M::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, Request, L::Reserve, M>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let settings = &self.settings;
        let tokens = settings.weigh.weigh(&request);
        if let Some(reservation) = self.limiter.try_reserve(&request, tokens) {
            return ResponseFuture::calling(self.inner.call(request), reservation, settings.meter.clone());
        }
        let patience = match settings.track.deadline(&request) {
            None => settings.patience,
            Some(deadline) => settings.patience.until(deadline),
        };
        let reserve = self.limiter.reserve(&request, tokens, patience);
        let meter = settings.meter.clone();
        let spare = self.inner.clone();
        let ready = mem::replace(&mut self.inner, spare);
        ResponseFuture::waiting(reserve, Waiting::new(ready, request, T::waited), meter)
    }
}

impl<S: fmt::Debug, L: fmt::Debug, W, M, T> fmt::Debug for RateLimit<S, L, W, M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimit")
            .field("inner", &self.inner)
            .field("limiter", &self.limiter)
            .finish_non_exhaustive()
    }
}
