use std::{
    task::{Context, Poll},
    time::Duration,
};

use mainstay_fault::HasCall;
use tokio::time::Instant;
use tower_layer::Layer;
use tower_service::Service;

/// Gives each call a deadline: the moment by which it must have ended, whatever is tried for it.
///
/// The deadline travels with the request ([`Call::deadline`](mainstay_fault::Call)) and is kept by what is inside: no
/// attempt runs past it and no wait crosses it. A request that brings a tighter one keeps it.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use mainstay::DeadlineLayer;
/// use tower::ServiceBuilder;
///
/// let stack = ServiceBuilder::new().layer(DeadlineLayer::new(Duration::from_secs(30)));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct DeadlineLayer {
    limit: Duration,
}

/// A service whose calls have a deadline. Made by [`DeadlineLayer`].
#[derive(Clone, Copy, Debug)]
pub struct Deadline<S> {
    limit: Duration,
    inner: S,
}

// === impl DeadlineLayer ===

impl DeadlineLayer {
    /// Creates the layer from the time that a call may take.
    pub const fn new(limit: Duration) -> Self {
        Self { limit }
    }
}

impl<S> Layer<S> for DeadlineLayer {
    type Service = Deadline<S>;

    fn layer(&self, inner: S) -> Deadline<S> {
        Deadline { limit: self.limit, inner }
    }
}

// === impl Deadline ===

impl<S, Request> Service<Request> for Deadline<S>
where
    S: Service<Request>,
    Request: HasCall,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> S::Future {
        if let Some(call) = request.call_mut() {
            let own = Instant::now().checked_add(self.limit);
            call.deadline = call.deadline.into_iter().chain(own).min();
        }
        self.inner.call(request)
    }
}
