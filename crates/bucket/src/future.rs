use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use mainstay_fault::HasFault;
use pin_project_lite::pin_project;
use tokio::time::Instant;
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
        Waiting { reserve: Pin<Box<R>>, waiting: Option<Box<Waiting<S, Request>>> },
        // Done.
        Calling { #[pin] future: F, reservation: Option<Reservation> },
    }
}

/// A call that is not made yet.
pub(crate) struct Waiting<S, Request> {
    ready: S,
    request: Request,
    since: Instant,
    /// Writes down how long it waited.
    note: fn(&Request, Duration),
}

// === impl ResponseFuture ===

impl<S: Service<Request>, Request, R, M> ResponseFuture<S, Request, R, M> {
    pub(crate) const fn calling(future: S::Future, reservation: Reservation, meter: M) -> Self {
        Self { state: State::Calling { future, reservation: Some(reservation) }, meter }
    }

    pub(crate) fn waiting(reserve: R, waiting: Waiting<S, Request>, meter: M) -> Self {
        let (reserve, waiting) = (Box::pin(reserve), Some(Box::new(waiting)));
        Self { state: State::Waiting { reserve, waiting }, meter }
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
                StateProj::Waiting { reserve, waiting } => {
                    let outcome = ready!(reserve.as_mut().poll(cx));
                    let waiting = waiting.take().expect("a future is not polled after it was ready");
                    waiting.is_over(outcome.as_ref().err());
                    waiting.call(outcome?)
                }
                StateProj::Calling { future, reservation } => {
                    let outcome = ready!(future.poll(cx));
                    let reservation = reservation.take().expect("a future is not polled after it was ready");
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

impl<S: Service<Request>, Request, R, M> fmt::Debug for ResponseFuture<S, Request, R, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

// === impl Waiting ===

impl<S: Service<Request>, Request> Waiting<S, Request> {
    pub(crate) fn new(ready: S, request: Request, note: fn(&Request, Duration)) -> Self {
        Self { ready, request, since: Instant::now(), note }
    }

    /// Tells how long it waited, and whether for nothing.
    fn is_over(&self, refused: Option<&Limited>) {
        let time = self.since.elapsed();
        event::waited(time, refused);
        if !time.is_zero() {
            (self.note)(&self.request, time);
        }
    }

    /// Makes the call, on the service that was ready.
    fn call<R>(mut self, reservation: Reservation) -> State<S, S::Future, Request, R> {
        State::Calling { future: self.ready.call(self.request), reservation: Some(reservation) }
    }
}
