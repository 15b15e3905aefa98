use std::{
    fmt, mem,
    sync::Arc,
    task::{Context, Poll},
};

use tower_service::Service;

use crate::{
    Backoff, ByFault, Exponential, Judge, ResponseFuture, RetryPolicy, Track, Untracked, attempts::Attempts,
};

/// A service that sends calls which fail again. Made by [`RetryLayer`](crate::RetryLayer).
///
/// # Clone
///
/// The inner service must be `Clone`: each call keeps an instance of its own for its further attempts. The request must
/// be `Clone`: it is cloned for as long as another attempt is possible.
///
/// # Readiness
///
/// Ready when the inner service is. The instance that was polled ready makes the first attempt, and the same one, polled
/// ready again, all further ones.
pub struct Retry<S, B: Backoff = Exponential, J = ByFault, T = Untracked> {
    policy: Arc<RetryPolicy<B, J, T>>,
    inner: S,
}

// === impl Retry ===

impl<S, B: Backoff, J, T> Retry<S, B, J, T> {
    pub(crate) const fn new(policy: Arc<RetryPolicy<B, J, T>>, inner: S) -> Self {
        Self { policy, inner }
    }
}

impl<S, Request, B, J, T> Service<Request> for Retry<S, B, J, T>
where
    S: Service<Request> + Clone,
    Request: Clone,
    B: Backoff,
    J: Judge<S::Response, S::Error>,
    T: Track<Request>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, Request, B, J, T>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let attempts = Attempts::begin(&self.policy.settings, self.policy.track.deadline(&request));
        let spare = self.inner.clone();
        let ready = mem::replace(&mut self.inner, spare);
        ResponseFuture::new(Arc::clone(&self.policy), ready, attempts, request)
    }
}

impl<S: Clone, B: Backoff, J, T> Clone for Retry<S, B, J, T> {
    fn clone(&self) -> Self {
        Self { policy: Arc::clone(&self.policy), inner: self.inner.clone() }
    }
}

impl<S: fmt::Debug, B: Backoff, J, T> fmt::Debug for Retry<S, B, J, T>
where
    RetryPolicy<B, J, T>: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry").field("policy", &self.policy).field("inner", &self.inner).finish()
    }
}
