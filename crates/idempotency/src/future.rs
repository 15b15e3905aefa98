use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use mainstay_fault::HasFault;
use pin_project_lite::pin_project;
use tokio::{sync::futures::OwnedNotified, time::Sleep};
use tower_service::Service;

use crate::{
    Answer, Claimed, Kept, KeyOf, Refused, StoreFuture,
    flight::{Flight, Outcome},
    lead::Lead,
    turn::{self, Turn},
};

pin_project! {
    /// A call of an [`Idempotency`](crate::Idempotency) service.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the execution that it leads; one of those who wait for the same key takes over, and runs it anew. To have
    /// it go on instead, see [`IdempotencyLayer::detached`](crate::IdempotencyLayer::detached). Dropping one that waits changes
    /// nothing.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, K, Request>
    where
        S: Service<Request>,
    {
        #[pin]
        state: State<S, K, Request, S::Future, S::Response>,
        // How the execution ended, while it is being kept.
        outcome: Option<Box<Result<S::Response, S::Error>>>,
    }
}

pin_project! {
    // What only those need who wait for others or for a store is in boxes: a future is moved by every call.
    #[project = StateProj]
    pub(crate) enum State<S, K, Request, F, T> {
        // Done.
        Replay { answer: Option<Answer<T>> },
        // Done.
        Refused { refused: Refused },
        // To `Keeping` if there is a store, or done.
        Running { #[pin] future: F, lead: Option<Lead<T>> },
        // To `Claiming` or `Readying` if the leader went away, or done.
        Waiting {
            turn: Option<Box<Turn<S, K, Request, T>>>,
            flight: Arc<Flight<T>>,
            landing: Pin<Box<OwnedNotified>>,
            end: Option<Pin<Box<Sleep>>>,
        },
        // To `Readying` if the store grants it, or done.
        Claiming {
            claim: StoreFuture<Claimed<T>>,
            turn: Option<(Box<Turn<S, K, Request, T>>, Lead<T>)>,
            end: Option<Pin<Box<Sleep>>>,
        },
        // To `Running`.
        Readying { service: S, request: Option<Request>, lead: Option<Lead<T>> },
        // Done.
        Keeping { keep: StoreFuture<()>, ended: Option<Box<(Lead<T>, Kept<T>)>> },
    }
}

// === impl ResponseFuture ===

impl<S: Service<Request>, K, Request> ResponseFuture<S, K, Request> {
    pub(crate) const fn new(state: State<S, K, Request, S::Future, S::Response>) -> Self {
        Self { state, outcome: None }
    }

    pub(crate) const fn running(future: S::Future, lead: Option<Lead<S::Response>>) -> Self {
        Self::new(State::Running { future, lead })
    }

    /// Whether others may depend on it: it has a key, and an execution to lead or to take over.
    pub(crate) const fn may_lead(&self) -> bool {
        !matches!(
            self.state,
            State::Replay { .. } | State::Refused { .. } | State::Running { lead: None, .. }
        )
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
        let this = self.project();
        let (mut state, outcome) = (this.state, this.outcome);
        loop {
            let next = match state.as_mut().project() {
                StateProj::Replay { answer } => {
                    let answer = answer.take().expect("a future is not polled after it was ready");
                    return Poll::Ready(Ok(answer));
                }
                StateProj::Refused { refused } => return Poll::Ready(Err(refused.clone().into())),
                StateProj::Running { future, lead } => {
                    let ended = ready!(future.poll(cx));
                    let Some(keeping) = lead.take().and_then(|lead| keeping(lead, &ended)) else {
                        return Poll::Ready(ended.map(Answer::fresh));
                    };
                    *outcome = Some(Box::new(ended));
                    keeping
                }
                StateProj::Waiting { turn, flight, landing, end } => {
                    let outcome = ready!(in_time(landed(flight, landing.as_mut(), cx), end, cx))?;
                    turn.take().expect("a call waits for one execution at a time").after(outcome)
                }
                StateProj::Claiming { claim, turn, end } => {
                    let claimed = ready!(in_time(claim.as_mut().poll(cx), end, cx))?;
                    let (turn, lead) = turn.take().expect("a claim is made once");
                    turn.claimed(lead, claimed)
                }
                StateProj::Readying { service, request, lead } => {
                    ready!(service.poll_ready(cx)).inspect_err(|error| unready(lead.take(), error))?;
                    let request = request.take().expect("a service is called once");
                    State::Running { future: service.call(request), lead: lead.take() }
                }
                StateProj::Keeping { keep, ended } => {
                    let stored = ready!(keep.as_mut().poll(cx));
                    let (lead, kept) = *ended.take().expect("an execution ends once");
                    turn::end(lead, kept, stored);
                    let outcome = *outcome.take().expect("what is kept has ended");
                    return Poll::Ready(outcome.map(Answer::fresh));
                }
            };
            state.set(next);
        }
    }
}

/// Resolves when an execution has ended.
fn landed<'a, T>(
    flight: &'a Flight<T>,
    landing: Pin<&mut OwnedNotified>,
    cx: &mut Context<'_>,
) -> Poll<&'a Outcome<T>> {
    if flight.outcome().is_none() {
        ready!(landing.poll(cx));
    }
    flight.outcome().map_or(Poll::Pending, Poll::Ready)
}

/// What is waited for, or a refusal when a call has waited for as long as it may.
fn in_time<T>(
    awaited: Poll<T>,
    end: &mut Option<Pin<Box<Sleep>>>,
    cx: &mut Context<'_>,
) -> Poll<Result<T, Refused>> {
    match (awaited, end) {
        (Poll::Ready(awaited), _) => Poll::Ready(Ok(awaited)),
        (Poll::Pending, None) => Poll::Pending,
        (Poll::Pending, Some(end)) => end.as_mut().poll(cx).map(|()| Err(Refused::TOO_LONG)),
    }
}

/// Ends an execution that could not begin.
fn unready<T: Clone>(lead: Option<Lead<T>>, error: &impl HasFault) {
    if let Some(lead) = lead {
        lead.ended(Kept::Failed(error.fault()));
    }
}

/// Ends an execution, or has the store keep its end first.
fn keeping<S, K, Request, F, T, E>(
    mut lead: Lead<T>,
    ended: &Result<T, E>,
) -> Option<State<S, K, Request, F, T>>
where
    T: Clone,
    E: HasFault,
{
    let kept = match ended {
        Ok(response) => Kept::Answered(response.clone()),
        Err(error) => Kept::Failed(error.fault()),
    };
    let Some(keep) = lead.keep(&kept) else {
        lead.ended(kept);
        return None;
    };
    Some(State::Keeping { keep, ended: Some(Box::new((lead, kept))) })
}

impl<S: Service<Request>, K, Request> fmt::Debug for ResponseFuture<S, K, Request> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
