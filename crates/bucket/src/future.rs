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
        // To `Readying` with a reservation, or done. Elsewhere: most calls never wait, and their futures stay small.
        Waiting { reserve: Pin<Box<R>>, waiting: Option<Box<Waiting<S, Request>>> },
        // To `Calling`, or done.
        Readying { waiting: Option<Box<Waiting<S, Request>>>, unsent: Unsent },
        // Done.
        Calling { #[pin] future: F, reservation: Option<Reservation> },
    }
}

/// A call that is not made yet.
pub(crate) struct Waiting<S, Request> {
    service: S,
    request: Request,
    since: Instant,
    /// Writes down how long it waited.
    note: fn(&Request, Duration),
}

/// The reservation of a call that is not made yet: given back whole, unless it is.
struct Unsent(Option<Reservation>);

const ONCE: &str = "a future is not polled after it was ready";

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
                    let waiting = waiting.take().expect(ONCE);
                    waiting.is_over(outcome.as_ref().err());
                    State::Readying { waiting: Some(waiting), unsent: Unsent(Some(outcome?)) }
                }
                StateProj::Readying { waiting, unsent } => {
                    ready!(waiting.as_mut().expect(ONCE).service.poll_ready(cx))?;
                    waiting.take().expect(ONCE).call(unsent.0.take().expect(ONCE))
                }
                StateProj::Calling { future, reservation } => {
                    let outcome = ready!(future.poll(cx));
                    return Poll::Ready(settle(this.meter, outcome, reservation.take().expect(ONCE)));
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
    pub(crate) fn new(service: S, request: Request, note: fn(&Request, Duration)) -> Self {
        Self { service, request, since: Instant::now(), note }
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
        State::Calling { future: self.service.call(self.request), reservation: Some(reservation) }
    }
}

// === impl Unsent ===

impl Drop for Unsent {
    fn drop(&mut self) {
        if let Some(reservation) = self.0.take() {
            reservation.cancel();
        }
    }
}
