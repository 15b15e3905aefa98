use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};

use mainstay_fault::HasFault;
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::{Error, Memory, Meter, NoneEligible, Ticket, aftermath::Aftermath};

pin_project! {
    /// A call of a [`Router`](crate::Router): at the backend that was chosen, or refused.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the backend's call, and gives back the place in flight, and the place of a probe. The outcome counts
    /// neither for the backend nor against it.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, Request, M, T = ()>
    where
        S: Service<Request>,
    {
        #[pin]
        state: State<S, S::Future, Request, S::Error>,
        // There until the call ends.
        ticket: Option<Ticket>,
        after: Option<Aftermath<S, M, T>>,
    }
}

pin_project! {
    #[project = StateProj]
    pub(crate) enum State<S, F, Request, E> {
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

impl<S: Service<Request>, Request, M, T> ResponseFuture<S, Request, M, T> {
    pub(crate) const fn refused(none: NoneEligible) -> Self {
        Self { state: State::Refused { none: Some(none) }, ticket: None, after: None }
    }

    #[inline]
    pub(crate) const fn chosen(
        state: State<S, S::Future, Request, S::Error>,
        ticket: Ticket,
        after: Aftermath<S, M, T>,
    ) -> Self {
        Self { state, ticket: Some(ticket), after: Some(after) }
    }
}

impl<S, Request, M, T> Future for ResponseFuture<S, Request, M, T>
where
    S: Service<Request>,
    S::Error: HasFault,
    M: Meter<S::Response>,
    T: Memory,
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
                        this.ticket.as_mut().expect(ONCE).begins_now();
                        let future = service.call(request.take().expect(ONCE));
                        this.state.set(State::Calling { future });
                        continue;
                    }
                    Err(error) => Err(error),
                },
                StateProj::Calling { future } => {
                    let ticket = this.ticket.as_mut().expect(ONCE);
                    ticket.sent();
                    match future.poll(cx) {
                        Poll::Ready(outcome) => outcome,
                        Poll::Pending => {
                            ticket.waits();
                            return Poll::Pending;
                        }
                    }
                }
            };
            return Poll::Ready(this.after.as_mut().expect(ONCE).ended(this.ticket, outcome));
        }
    }
}

// === impl State ===

impl<S: Service<Request>, Request> State<S, S::Future, Request, S::Error> {
    /// A backend that is ready is called here and now: nobody needs to keep its service, and its future need not be moved.
    #[inline]
    pub(crate) fn begin(mut service: S, request: Request) -> Self {
        // Where it is not, the call's own waker is registered by its first poll.
        match service.poll_ready(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => Self::Calling { future: service.call(request) },
            Poll::Ready(Err(error)) => Self::Unready { error: Some(error) },
            Poll::Pending => Self::Readying { service, request: Some(request) },
        }
    }
}

pub(crate) const ONCE: &str = "a future is not polled after it was ready";

impl<S: Service<Request>, Request, M, T> fmt::Debug for ResponseFuture<S, Request, M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
