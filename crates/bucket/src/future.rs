use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use mainstay_fault::HasFault;
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::{
    Limited, Meter, Reservation, event,
    settle::{answered, failed},
};

pin_project! {
    /// A call of a [`RateLimit`](crate::RateLimit) service: its wait, the call itself, and the settlement.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it gives back its place in the line and all that it took. Dropped during the call, it drops
    /// the call, gives back its place in flight, and lets the estimate stand: what was sent may be billed.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, Request, R, M>
    where
        S: Service<Request>,
    {
        #[pin]
        state: State<S, S::Future, Request, R>,
        meter: M,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, F, Request, R> {
        // To `Calling` with a reservation, or done. Elsewhere: most calls never wait, and their futures stay small.
        Waiting { waiting: Option<Box<Waiting<S, Request, R>>> },
        // Done.
        Calling { #[pin] future: F, reservation: Option<Reservation> },
    }
}

/// A call that is not made yet.
struct Waiting<S, Request, R> {
    reserve: Pin<Box<R>>,
    ready: S,
    request: Request,
    since: tokio::time::Instant,
}

// === impl ResponseFuture ===

impl<S: Service<Request>, Request, R, M> ResponseFuture<S, Request, R, M> {
    pub(crate) const fn calling(future: S::Future, reservation: Reservation, meter: M) -> Self {
        Self { state: State::Calling { future, reservation: Some(reservation) }, meter }
    }

    pub(crate) fn waiting(reserve: R, ready: S, request: Request, meter: M) -> Self {
        let (reserve, since) = (Box::pin(reserve), tokio::time::Instant::now());
        let waiting = Some(Box::new(Waiting { reserve, ready, request, since }));
        Self { state: State::Waiting { waiting }, meter }
    }
}

impl<S, Request, R, M> Future for ResponseFuture<S, Request, R, M>
where
    S: Service<Request>,
    S::Error: From<Limited> + HasFault,
    R: Future<Output = Result<Reservation, Limited>>,
    M: Meter<S::Response>,
{
    type Output = Result<M::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProj::Waiting { waiting } => {
                    let line = waiting.as_mut().expect(ONCE);
                    let outcome = ready!(line.reserve.as_mut().poll(cx));
                    event::waited(line.since, outcome.as_ref().err());
                    waiting.take().expect(ONCE).call(outcome?)
                }
                StateProj::Calling { future, reservation } => {
                    let outcome = ready!(future.poll(cx));
                    let reservation = reservation.take().expect(ONCE);
                    return Poll::Ready(settle(this.meter, outcome, reservation));
                }
            };
            this.state.set(next);
        }
    }
}

fn settle<M, Response, Error>(
    meter: &M,
    outcome: Result<Response, Error>,
    reservation: Reservation,
) -> Result<M::Response, Error>
where
    M: Meter<Response>,
    Error: HasFault,
{
    match outcome {
        Ok(response) => Ok(answered(meter, response, reservation)),
        Err(error) => {
            failed(&error.fault(), reservation);
            Err(error)
        }
    }
}

const ONCE: &str = "a future is not polled after it was ready";

impl<S: Service<Request>, Request, R, M> fmt::Debug for ResponseFuture<S, Request, R, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

// === impl Waiting ===

impl<S: Service<Request>, Request, R> Waiting<S, Request, R> {
    /// Makes the call, on the service that was ready.
    fn call(mut self, reservation: Reservation) -> State<S, S::Future, Request, R> {
        State::Calling { future: self.ready.call(self.request), reservation: Some(reservation) }
    }
}
