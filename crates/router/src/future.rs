use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use mainstay_fault::{HasFault, Tried};
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::{Backends, Error, Meter, NoneEligible, Profile, Ticket, aftermath::Aftermath, rules::Rules};

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
        state: State<S, S::Future, Request>,
        after: Option<Aftermath<S, M>>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, F, Request> {
        // Done.
        Refused { none: Option<NoneEligible> },
        // To `Calling`, or done.
        Readying { service: S, request: Option<Request>, waited: bool },
        // Done.
        Calling { #[pin] future: F },
    }
}

// === impl ResponseFuture ===

impl<S: Service<Request>, Request, M> ResponseFuture<S, Request, M> {
    pub(crate) const fn refused(none: NoneEligible) -> Self {
        Self { state: State::Refused { none: Some(none) }, after: None }
    }

    pub(crate) fn chosen(
        service: S,
        request: Request,
        ticket: Ticket,
        backends: &Backends<S>,
        rules: &Arc<Rules<M>>,
        profile: Profile<'static>,
        tried: Option<Tried>,
    ) -> Self {
        let after = Aftermath::new(ticket, backends.clone(), Arc::clone(rules), profile, tried);
        Self { state: State::Readying { service, request: Some(request), waited: false }, after: Some(after) }
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
                StateProj::Readying { service, request, waited } => {
                    let polled = service.poll_ready(cx);
                    *waited |= polled.is_pending();
                    match ready!(polled) {
                        Ok(()) => {
                            this.after.as_mut().expect(ONCE).sent(*waited);
                            let future = service.call(request.take().expect(ONCE));
                            this.state.set(State::Calling { future });
                            continue;
                        }
                        Err(error) => Err(error),
                    }
                }
                StateProj::Calling { future } => ready!(future.poll(cx)),
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
