use std::{
    fmt,
    future::Future,
    panic::resume_unwind,
    pin::Pin,
    task::{Context, Poll, ready},
};

use mainstay_fault::{FaultKind, HasFault};
use pin_project_lite::pin_project;
use tokio::task::JoinHandle;
use tower_layer::Layer;
use tower_service::Service;

use crate::{Answer, Idempotency, IdempotencyLayer, KeyOf, Refused, ResponseFuture};

/// Has executions go on when their callers go away. Made by [`IdempotencyLayer::detached`].
#[derive(Clone, Debug)]
pub struct DetachedLayer<T, K>(pub(crate) IdempotencyLayer<T, K>);

/// An [`Idempotency`] service whose executions go on when their callers go away, each in a task of its own. Made by
/// [`DetachedLayer`].
///
/// # Panics
///
/// Its calls panic where tokio's runtime is missing, and when the inner service panics.
#[derive(Clone)]
pub struct Detached<S, T, K>(Idempotency<S, T, K>);

pin_project! {
    /// A call of a [`Detached`] service.
    ///
    /// # Cancel safety
    ///
    /// Dropping it changes nothing: what it began goes on, and is recorded.
    #[must_use = "futures do nothing unless polled"]
    pub struct DetachedFuture<S, K, Request>
    where
        S: Service<Request>,
    {
        #[pin]
        state: State<ResponseFuture<S, K, Request>, JoinHandle<Outcome<S, Request>>>,
    }
}

type Outcome<S, Request> = Result<Answer<<S as Service<Request>>::Response>, <S as Service<Request>>::Error>;

pin_project! {
    #[project = StateProj]
    enum State<F, H> {
        // Nobody depends on it.
        Here { #[pin] future: F },
        Detached { #[pin] task: H },
    }
}

// === impl DetachedLayer ===

impl<S, T, K: Clone> Layer<S> for DetachedLayer<T, K> {
    type Service = Detached<S, T, K>;

    fn layer(&self, inner: S) -> Self::Service {
        Detached(self.0.layer(inner))
    }
}

// === impl Detached ===

impl<S, K, Request> Service<Request> for Detached<S, S::Response, K>
where
    S: Service<Request> + Clone + Send + 'static,
    S::Response: Clone + Send + Sync + 'static,
    S::Error: From<Refused> + HasFault + Send + 'static,
    S::Future: Send + 'static,
    K: KeyOf<Request> + Clone + Send + 'static,
    Request: Send + 'static,
{
    type Response = Answer<S::Response>;
    type Error = S::Error;
    type Future = DetachedFuture<S, K, Request>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let future = self.0.call(request);
        let state = if future.may_lead() {
            State::Detached { task: tokio::spawn(future) }
        } else {
            State::Here { future }
        };
        DetachedFuture { state }
    }
}

impl<S: fmt::Debug, T, K> fmt::Debug for Detached<S, T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Detached").field(&self.0).finish()
    }
}

// === impl DetachedFuture ===

impl<S, K, Request> Future for DetachedFuture<S, K, Request>
where
    S: Service<Request>,
    S::Response: Clone,
    S::Error: From<Refused> + HasFault,
    K: KeyOf<Request>,
{
    type Output = Outcome<S, Request>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProj::Here { future } => future.poll(cx),
            StateProj::Detached { task } => Poll::Ready(match ready!(task.poll(cx)) {
                Ok(outcome) => outcome,
                Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
                // The runtime shuts down.
                Err(_) => Err(Refused::failed(FaultKind::Cancelled.into()).into()),
            }),
        }
    }
}

impl<S: Service<Request>, K, Request> fmt::Debug for DetachedFuture<S, K, Request> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DetachedFuture").finish_non_exhaustive()
    }
}
