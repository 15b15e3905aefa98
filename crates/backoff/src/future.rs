use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use tower_service::Service;

use crate::{Backoff, Handle, Judge, Track, attempts::Attempts, wait::Wait};

pin_project! {
    /// A call of a [`Retry`](crate::Retry) service: its attempts and the waits between them.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the attempt or the wait that is under way. Nothing is given back to the budget: what was
    /// sent was sent.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, Request, P>
    where
        S: Service<Request>,
        P: Handle,
    {
        #[pin]
        state: State<S::Future>,
        service: S,
        // The request for the next attempt.
        kept: Request,
        attempts: Attempts<<P::Backoff as Backoff>::Delays>,
        policy: P,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F> {
        // To `Waiting` after a failure, or done.
        Calling { #[pin] future: F },
        // To `Readying`.
        Waiting { wait: Wait },
        // To `Calling`.
        Readying,
    }
}

// === impl ResponseFuture ===

impl<S, Request, P> ResponseFuture<S, Request, P>
where
    S: Service<Request>,
    P: Handle,
{
    /// Takes over the first attempt, and what is needed for others.
    pub(crate) const fn new(
        first: S::Future,
        service: S,
        kept: Request,
        attempts: Attempts<<P::Backoff as Backoff>::Delays>,
        policy: P,
    ) -> Self {
        Self { state: State::Calling { future: first }, service, kept, attempts, policy }
    }

    /// Begins before the first attempt, which is made at the first poll.
    pub(crate) const fn unsent(
        service: S,
        request: Request,
        attempts: Attempts<<P::Backoff as Backoff>::Delays>,
        policy: P,
    ) -> Self {
        Self { state: State::Readying, service, kept: request, attempts, policy }
    }
}

impl<S, Request, P> Future for ResponseFuture<S, Request, P>
where
    S: Service<Request>,
    Request: Clone,
    P: Handle,
    P::Judge: Judge<S::Response, S::Error>,
    P::Track: Track<Request>,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let policy = this.policy.policy();
        loop {
            let next = match this.state.as_mut().project() {
                StateProj::Calling { future } => {
                    let mut outcome = ready!(future.poll(cx));
                    match policy.after(this.attempts, this.kept, &mut outcome) {
                        Some(wait) => State::Waiting { wait },
                        None => return Poll::Ready(outcome),
                    }
                }
                StateProj::Waiting { wait } => {
                    ready!(Pin::new(wait).poll(cx));
                    State::Readying
                }
                StateProj::Readying => {
                    ready!(this.service.poll_ready(cx))?;
                    State::Calling { future: this.service.call(this.kept.clone()) }
                }
            };
            this.state.set(next);
        }
    }
}

impl<S: Service<Request>, Request, P: Handle> fmt::Debug for ResponseFuture<S, Request, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
