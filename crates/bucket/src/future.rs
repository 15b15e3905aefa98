use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use mainstay_fault::HasFault;
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::{
    Limited, Meter, Reservation, event,
    settings::{Settings, answered, failed},
};

pin_project! {
    /// A call of a [`RateLimit`](crate::RateLimit) service: its wait, the call itself, and the settlement.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it gives back its place in the line and all that it took. Dropped during the call, it drops
    /// the call, gives back its place in flight, and lets the estimate stand: what was sent may be billed.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, Request, R, W, M, T>
    where
        S: Service<Request>,
    {
        #[pin]
        state: State<S, S::Future, Request, R>,
        settings: Arc<Settings<W, M, T>>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, F, Request, R> {
        // To `Calling` with a reservation, or done.
        Waiting { #[pin] reserve: R, waiting: Option<Waiting<S, Request>> },
        // Done.
        Calling { #[pin] future: F, reservation: Option<Reservation> },
    }
}

/// A call that is not made yet.
struct Waiting<S, Request> {
    ready: S,
    request: Request,
    since: tokio::time::Instant,
}

// === impl ResponseFuture ===

impl<S: Service<Request>, Request, R, W, M, T> ResponseFuture<S, Request, R, W, M, T> {
    pub(crate) const fn calling(
        future: S::Future,
        reservation: Reservation,
        settings: Arc<Settings<W, M, T>>,
    ) -> Self {
        Self { state: State::Calling { future, reservation: Some(reservation) }, settings }
    }

    pub(crate) fn waiting(reserve: R, ready: S, request: Request, settings: Arc<Settings<W, M, T>>) -> Self {
        let waiting = Some(Waiting { ready, request, since: tokio::time::Instant::now() });
        Self { state: State::Waiting { reserve, waiting }, settings }
    }
}

impl<S, Request, R, W, M, T> Future for ResponseFuture<S, Request, R, W, M, T>
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
                    let outcome = ready!(reserve.poll(cx));
                    let waiting = waiting.take().expect("a future is not polled after it was ready");
                    event::waited(waiting.since, outcome.as_ref().err());
                    waiting.call(outcome?)
                }
                StateProj::Calling { future, reservation } => {
                    let outcome = ready!(future.poll(cx));
                    let reservation = reservation.take().expect("a future is not polled after it was ready");
                    return Poll::Ready(settle(this.settings, outcome, reservation));
                }
            };
            this.state.set(next);
        }
    }
}

fn settle<W, M, T, Response, Error>(
    settings: &Settings<W, M, T>,
    outcome: Result<Response, Error>,
    reservation: Reservation,
) -> Result<M::Response, Error>
where
    M: Meter<Response>,
    Error: HasFault,
{
    match outcome {
        Ok(response) => Ok(answered(&settings.meter, response, reservation)),
        Err(error) => {
            failed(&error.fault(), reservation);
            Err(error)
        }
    }
}

impl<S: Service<Request>, Request, R, W, M, T> fmt::Debug for ResponseFuture<S, Request, R, W, M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

// === impl Waiting ===

impl<S: Service<Request>, Request> Waiting<S, Request> {
    /// Makes the call, on the service that was ready.
    fn call<R>(mut self, reservation: Reservation) -> State<S, S::Future, Request, R> {
        State::Calling { future: self.ready.call(self.request), reservation: Some(reservation) }
    }
}
