use std::{
    mem,
    sync::Arc,
    task::{Context, Poll},
};

use tower_service::Service;

use crate::{Handle, Judge, ResponseFuture, RetryPolicy, Track, attempts::Attempts};

/// A service that sends calls which fail again. Made by [`RetryLayer`](crate::RetryLayer).
///
/// # Clone
///
/// The inner service must be `Clone`: each call keeps an instance of its own for its further attempts. The request must
/// be `Clone`: it is cloned for each attempt, as each may be followed by another.
///
/// # Readiness
///
/// Ready when the inner service is. The instance that was polled ready makes the first attempt, and the same one, polled
/// ready again, all further ones.
#[derive(Clone, Debug)]
pub struct Retry<S, P = Arc<RetryPolicy>> {
    policy: P,
    inner: S,
}

// === impl Retry ===

impl<S, P> Retry<S, P> {
    pub(crate) const fn new(policy: P, inner: S) -> Self {
        Self { policy, inner }
    }
}

impl<S, Request, P> Service<Request> for Retry<S, P>
where
    S: Service<Request> + Clone,
    Request: Clone,
    P: Handle + Clone,
    P::Judge: Judge<S::Response, S::Error>,
    P::Track: Track<Request>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, Request, P>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let RetryPolicy { settings, track, .. } = self.policy.policy();
        track.begun(&mut request);
        let attempts = Attempts::begin(settings, track.pays(&request), track.deadline(&request));
        let kept = request.clone();
        let spare = self.inner.clone();
        let mut ready = mem::replace(&mut self.inner, spare);
        let first = ready.call(request);
        ResponseFuture::new(first, ready, kept, attempts, self.policy.clone())
    }
}
