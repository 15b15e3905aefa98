use std::{
    fmt,
    future::Future,
    ops::Deref,
    pin::Pin,
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
    pub struct ResponseFuture<S, Request, P, B>
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
        policy: P,
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

impl<S, Request, P, B> ResponseFuture<S, Request, P, B>
where
    S: Service<Request>,
    B: Backoff,
{
    /// Takes over the first attempt, and what is needed for others.
    pub(crate) const fn new(
        first: S::Future,
        service: S,
        kept: Option<Request>,
        attempts: Attempts<B::Delays>,
        policy: P,
    ) -> Self {
        Self { state: State::Calling { future: first }, service, kept, attempts, policy }
    }
}

impl<S, Request, P, B, J, T> Future for ResponseFuture<S, Request, P, B>
where
    S: Service<Request>,
    Request: Clone,
    P: Deref<Target = RetryPolicy<B, J, T>>,
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

impl<S: Service<Request>, Request, P, B: Backoff> fmt::Debug for ResponseFuture<S, Request, P, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
