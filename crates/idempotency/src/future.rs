use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use mainstay_fault::HasFault;
use pin_project_lite::pin_project;
use tokio::{
    sync::futures::OwnedNotified,
    time::{Instant, Sleep, sleep_until},
};
use tower_service::Service;

use crate::{
    Answer, KeyOf, Memory, Refused, WhenFull,
    flight::{Flight, Outcome},
    memory::{Begun, Lead},
    settings::Settings,
};

pin_project! {
    /// A call of an [`Idempotency`](crate::Idempotency) service.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the execution that it leads; one of those who wait for the same key takes over, and runs it anew.
    /// Dropping one that waits changes nothing.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, K, Request>
    where
        S: Service<Request>,
    {
        #[pin]
        state: State<S, K, Request, S::Future, S::Response>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, K, Request, F, T> {
        // Done.
        Replay { answer: Option<Answer<T>> },
        // Done.
        Refused { refused: Refused },
        // Done.
        Running { #[pin] future: F, lead: Option<Lead<T>> },
        // To `Readying` if the leader went away, or done.
        Waiting {
            waiting: Option<Waiting<S, K, Request, T>>,
            flight: Arc<Flight<T>>,
            #[pin]
            landing: OwnedNotified,
            #[pin]
            end: Option<Sleep>,
        },
        // To `Running`.
        Readying { service: S, request: Option<Request>, lead: Option<Lead<T>> },
    }
}

/// A call that may have to be made in another's place.
pub(crate) struct Waiting<S, K, Request, T> {
    service: S,
    store: Memory<T>,
    key: K,
    settings: Settings,
    request: Request,
    until: Option<Instant>,
}

// === impl ResponseFuture ===

impl<S: Service<Request>, K, Request> ResponseFuture<S, K, Request> {
    pub(crate) const fn replay(answer: Answer<S::Response>) -> Self {
        Self { state: State::Replay { answer: Some(answer) } }
    }

    pub(crate) const fn refused(refused: Refused) -> Self {
        Self { state: State::Refused { refused } }
    }

    pub(crate) const fn running(future: S::Future, lead: Option<Lead<S::Response>>) -> Self {
        Self { state: State::Running { future, lead } }
    }

    pub(crate) fn waiting(
        waiting: Waiting<S, K, Request, S::Response>,
        flight: Arc<Flight<S::Response>>,
    ) -> Self {
        Self { state: waiting.join(flight) }
    }
}

impl<S, K, Request> Future for ResponseFuture<S, K, Request>
where
    S: Service<Request>,
    S::Response: Clone,
    S::Error: From<Refused> + HasFault,
    K: KeyOf<Request>,
{
    type Output = Result<Answer<S::Response>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProj::Replay { answer } => {
                    return Poll::Ready(Ok(answer
                        .take()
                        .expect("a future is not polled after it was ready")));
                }
                StateProj::Refused { refused } => return Poll::Ready(Err((*refused).into())),
                StateProj::Running { future, lead } => {
                    let outcome = ready!(future.poll(cx));
                    return Poll::Ready(record(outcome, lead.take()));
                }
                StateProj::Readying { service, request, lead } => {
                    if let Err(error) = ready!(service.poll_ready(cx)) {
                        return Poll::Ready(record(Err(error), lead.take()));
                    }
                    let request = request.take().expect("a service is called once");
                    State::Running { future: service.call(request), lead: lead.take() }
                }
                StateProj::Waiting { waiting, flight, landing, end } => {
                    let landed = flight.outcome().is_some() || landing.poll(cx).is_ready();
                    let Some(outcome) = flight.outcome().filter(|_| landed) else {
                        let Some(end) = end.as_pin_mut() else { return Poll::Pending };
                        ready!(end.poll(cx));
                        return Poll::Ready(Err(Refused::TOO_LONG.into()));
                    };
                    waiting.take().expect("a call waits for one execution at a time").after(outcome)
                }
            };
            state.set(next);
        }
    }
}

/// Ends an execution: what is answered is recorded, a failure goes to those who wait.
fn record<T, E>(outcome: Result<T, E>, lead: Option<Lead<T>>) -> Result<Answer<T>, E>
where
    T: Clone,
    E: HasFault,
{
    match (&outcome, lead) {
        (Ok(response), Some(lead)) => lead.answered(response),
        (Err(error), Some(lead)) => lead.failed(error.fault()),
        (_, None) => {}
    }
    outcome.map(Answer::fresh)
}

impl<S: Service<Request>, K, Request> fmt::Debug for ResponseFuture<S, K, Request> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

// === impl Waiting ===

impl<S, K, Request, T> Waiting<S, K, Request, T> {
    /// Waits for another's execution.
    fn join<F>(self, flight: Arc<Flight<T>>) -> State<S, K, Request, F, T> {
        let (landing, end) = (flight.landing(), self.until.map(sleep_until));
        State::Waiting { waiting: Some(self), flight, landing, end }
    }
}

impl<S, K: KeyOf<Request>, Request, T: Clone> Waiting<S, K, Request, T> {
    pub(crate) fn new(service: S, store: Memory<T>, key: K, settings: Settings, request: Request) -> Self {
        let own = settings.max_wait.and_then(|wait| Instant::now().checked_add(wait));
        let until = key.deadline(&request).into_iter().chain(own).min();
        Self { service, store, key, settings, request, until }
    }

    /// What follows on another's execution.
    fn after<F>(self, outcome: &Outcome<T>) -> State<S, K, Request, F, T> {
        match outcome {
            Outcome::Answered(response) => {
                let answer = Answer::replayed_after(response.clone(), std::time::Duration::ZERO);
                State::Replay { answer: Some(answer) }
            }
            Outcome::Failed(fault) => State::Refused { refused: Refused::failed(*fault) },
            Outcome::Abandoned => self.take_over(),
        }
    }

    /// Runs in the place of who went away, unless another one who waited does already.
    fn take_over<F>(self) -> State<S, K, Request, F, T> {
        let Some(key) = self.key.key(&self.request) else {
            return State::Readying { service: self.service, request: Some(self.request), lead: None };
        };
        let lead = match self.store.begin(key, self.key.fingerprint(&self.request)) {
            Begun::Lead(lead) => Some(lead),
            Begun::Join(flight) => return self.join(flight),
            Begun::Replay(response, age) => {
                return State::Replay { answer: Some(Answer::replayed_after(response, age)) };
            }
            Begun::Refused(Refused::FULL) if self.settings.when_full == WhenFull::RunUnrecorded => None,
            Begun::Refused(refused) => return State::Refused { refused },
        };
        State::Readying { service: self.service, request: Some(self.request), lead }
    }
}
