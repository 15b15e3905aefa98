use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use tower_service::Service;

use crate::{Backoff, Judge, RetryPolicy, Track, attempts::Attempts, wait::Wait};

pin_project! {
    /// A call of a [`Retry`](crate::Retry) service: its attempts and the waits between them.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the attempt or the wait that is under way. Nothing is given back to the budget: what was
    /// sent was sent.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, Request, B, J, T>
    where
        S: Service<Request>,
        B: Backoff,
    {
        #[pin]
        state: State<S::Future>,
        service: S,
        // The request for the next attempt, as long as there may be one.
        kept: Option<Request>,
        attempts: Attempts<B::Delays>,
        policy: Arc<RetryPolicy<B, J, T>>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F> {
        // To `Waiting` after a failure, or done.
        Calling { #[pin] future: F },
        // To `Readying`.
        Waiting { #[pin] wait: Wait },
        // To `Calling`.
        Readying,
    }
}

// === impl ResponseFuture ===

impl<S, Request, B, J, T> ResponseFuture<S, Request, B, J, T>
where
    S: Service<Request>,
    Request: Clone,
    B: Backoff,
{
    /// Makes the first attempt, on a service that is ready.
    pub(crate) fn new(
        policy: Arc<RetryPolicy<B, J, T>>,
        mut ready: S,
        attempts: Attempts<B::Delays>,
        request: Request,
    ) -> Self {
        let kept = attempts.may_retry(&policy.settings).then(|| request.clone());
        let state = State::Calling { future: ready.call(request) };
        Self { state, service: ready, kept, attempts, policy }
    }
}

impl<S, Request, B, J, T> Future for ResponseFuture<S, Request, B, J, T>
where
    S: Service<Request>,
    Request: Clone,
    B: Backoff,
    J: Judge<S::Response, S::Error>,
    T: Track<Request>,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProj::Calling { future } => {
                    let mut outcome = ready!(future.poll(cx));
                    let Some(fault) = this.policy.judge.judge(&mut outcome) else {
                        return Poll::Ready(outcome);
                    };
                    let Ok(delay) = this.attempts.next(this.policy, &fault) else {
                        return Poll::Ready(outcome);
                    };
                    let Some(request) = this.kept else { return Poll::Ready(outcome) };
                    this.policy.track.retried(request, &fault);
                    State::Waiting { wait: Wait::new(delay) }
                }
                StateProj::Waiting { wait } => {
                    ready!(wait.poll(cx));
                    State::Readying
                }
                StateProj::Readying => {
                    ready!(this.service.poll_ready(cx))?;
                    let again = this.attempts.may_retry(&this.policy.settings);
                    let request = if again { this.kept.clone() } else { this.kept.take() };
                    let request = request.expect("a retry is only decided on while the request is kept");
                    State::Calling { future: this.service.call(request) }
                }
            };
            this.state.set(next);
        }
    }
}

impl<S: Service<Request>, Request, B: Backoff, J, T> fmt::Debug for ResponseFuture<S, Request, B, J, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
