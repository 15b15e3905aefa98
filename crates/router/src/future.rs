use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};

use mainstay_fault::HasFault;
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::{Error, Meter, NoneEligible, aftermath::Aftermath};

pin_project! {
    /// A call of a [`Router`](crate::Router): at the backend that was chosen, or refused.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the backend's call, and gives back the place in flight, and the place of a probe. The outcome counts
    /// neither for the backend nor against it.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, Request, M>
    where
        S: Service<Request>,
    {
        #[pin]
        state: State<S, S::Future, Request, S::Error>,
        after: Option<Aftermath<S, M>>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, F, Request, E> {
        // Done.
        Refused { none: Option<NoneEligible> },
        // Done.
        Unready { error: Option<E> },
        // To `Calling`, or done.
        Readying { service: S, request: Option<Request> },
        // Done.
        Calling { #[pin] future: F },
    }
}

// === impl ResponseFuture ===

impl<S: Service<Request>, Request, M> ResponseFuture<S, Request, M> {
    pub(crate) const fn refused(none: NoneEligible) -> Self {
        Self { state: State::Refused { none: Some(none) }, after: None }
    }

    /// A backend that is ready is called here and now: nobody needs to keep its service, and its future need not be moved.
    pub(crate) fn chosen(mut service: S, request: Request, after: Aftermath<S, M>) -> Self {
        // Where it is not, the call's own waker is registered by its first poll.
        let state = match service.poll_ready(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => State::Calling { future: service.call(request) },
            Poll::Ready(Err(error)) => State::Unready { error: Some(error) },
            Poll::Pending => State::Readying { service, request: Some(request) },
        };
        Self { state, after: Some(after) }
    }
}

impl<S, Request, M> Future for ResponseFuture<S, Request, M>
where
    S: Service<Request>,
    S::Error: HasFault,
    M: Meter<S::Response>,
{
    type Output = Result<M::Response, Error<S::Error>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let outcome = match this.state.as_mut().project() {
                StateProj::Refused { none } => {
                    return Poll::Ready(Err(none.take().expect(ONCE).into()));
                }
                StateProj::Unready { error } => Err(error.take().expect(ONCE)),
                StateProj::Readying { service, request } => match ready!(service.poll_ready(cx)) {
                    Ok(()) => {
                        this.after.as_mut().expect(ONCE).begins_now();
                        let future = service.call(request.take().expect(ONCE));
                        this.state.set(State::Calling { future });
                        continue;
                    }
                    Err(error) => Err(error),
                },
                StateProj::Calling { future } => {
                    this.after.as_mut().expect(ONCE).sent();
                    ready!(future.poll(cx))
                }
            };
            return Poll::Ready(this.after.take().expect(ONCE).ended(outcome));
        }
    }
}

const ONCE: &str = "a future is not polled after it was ready";

impl<S: Service<Request>, Request, M> fmt::Debug for ResponseFuture<S, Request, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
