use std::{pin::Pin, time::Duration};

use tokio::time::{Instant, Sleep, sleep_until};

use crate::{
    Answer, Claimed, Kept, KeyOf, Memory, Refused, StoreError, WhenFull,
    flight::{Flight, Outcome},
    future::State,
    lead::Lead,
    settings::Settings,
    shelf::Begun,
};

/// A call with a key, which is made when its turn comes.
pub(crate) struct Turn<S, K, Request, T> {
    service: S,
    store: Memory<T>,
    key: K,
    settings: Settings,
    request: Request,
    /// Until when it waits for others.
    until: Option<Instant>,
}

// === impl Turn ===

impl<S, K: KeyOf<Request>, Request, T: Clone> Turn<S, K, Request, T> {
    pub(crate) fn new(service: S, store: Memory<T>, key: K, settings: Settings, request: Request) -> Self {
        let own = settings.max_wait.and_then(|wait| Instant::now().checked_add(wait));
        let until = key.deadline(&request).into_iter().chain(own).min();
        Self { service, store, key, settings, request, until }
    }

    /// What follows on a look at the store in memory.
    pub(crate) fn begin<F>(self, begun: Begun<T>) -> State<S, K, Request, F, T> {
        match begun {
            Begun::Lead(lead) => self.lead(lead),
            Begun::Join(flight) => self.join(flight),
            Begun::Replay(response, age) => State::replay(response, age),
            Begun::Refused(refused) if refused.is_full() => self.full(),
            Begun::Refused(refused) => State::Refused { refused },
        }
    }

    /// Runs, after the claim if there is a store to be asked.
    fn lead<F>(self, lead: Lead<T>) -> State<S, K, Request, F, T> {
        match lead.claim(self.key.retries_unknown(&self.request)) {
            None => self.run(Some(lead)),
            Some(claim) => {
                let end = self.end();
                State::Claiming { claim, turn: Some((Box::new(self), lead)), end }
            }
        }
    }

    /// Waits for another's execution.
    fn join<F>(self, flight: std::sync::Arc<Flight<T>>) -> State<S, K, Request, F, T> {
        let (landing, end) = (Box::pin(flight.landing()), self.end());
        State::Waiting { turn: Some(Box::new(self)), flight, landing, end }
    }

    /// When it has waited for as long as it may.
    fn end(&self) -> Option<Pin<Box<Sleep>>> {
        self.until.map(|until| Box::pin(sleep_until(until)))
    }

    fn run<F>(self, lead: Option<Lead<T>>) -> State<S, K, Request, F, T> {
        State::Readying { service: self.service, request: Some(self.request), lead }
    }

    fn full<F>(self) -> State<S, K, Request, F, T> {
        match self.settings.when_full {
            WhenFull::RunUnrecorded => self.run(None),
            WhenFull::Refuse => State::Refused { refused: Refused::FULL },
        }
    }

    /// What follows on another's execution.
    pub(crate) fn after<F>(self, outcome: &Outcome<T>) -> State<S, K, Request, F, T> {
        match outcome {
            Outcome::Ended(kept) => match self.store.landed(kept) {
                Some(begun) => self.begin(begun),
                // Whoever led it left right after it had begun to answer.
                None => self.take_over(),
            },
            // It was refused to one who did not say that it may be made anew.
            Outcome::Refused(refused)
                if refused.unknown_since().is_some() && self.key.retries_unknown(&self.request) =>
            {
                self.take_over()
            }
            Outcome::Refused(refused) => State::Refused { refused: refused.clone() },
            Outcome::Abandoned => self.take_over(),
        }
    }

    /// Runs in the place of who went away or was refused, unless another one who waited does already.
    fn take_over<F>(self) -> State<S, K, Request, F, T> {
        let Some(key) = self.key.key(&self.request) else { return self.run(None) };
        let begun = self.store.begin(key, self.key.fingerprint(&self.request));
        self.begin(begun)
    }

    /// What follows on a claim.
    pub(crate) fn claimed<F>(
        self,
        mut lead: Lead<T>,
        claimed: Result<Claimed<T>, StoreError>,
    ) -> State<S, K, Request, F, T> {
        let refused = match claimed {
            Ok(Claimed::Run(hold)) => {
                lead.granted(hold);
                return self.run(Some(lead));
            }
            Ok(Claimed::Ended(kept, age)) => {
                lead.known(kept.clone(), age);
                return self.begin(Begun::ended(&kept, age));
            }
            Ok(Claimed::Full) if self.settings.when_full == WhenFull::RunUnrecorded => {
                return self.run(Some(lead));
            }
            Ok(Claimed::Full) => Refused::FULL,
            Ok(Claimed::Conflict) => Refused::CONFLICT,
            Ok(Claimed::Unknown(began)) => Refused::unknown(began),
            Err(error) => Refused::store(error),
        };
        lead.refused(refused.clone());
        State::Refused { refused }
    }
}

// === impl State ===

impl<S, K, Request, F, T> State<S, K, Request, F, T> {
    pub(crate) fn replay(response: T, age: Duration) -> Self {
        Self::Replay { answer: Some(Answer::replayed_after(response, age)) }
    }
}

/// Ends an execution whose end is kept as far as it can be: what is answered is recorded, a failure goes to those who wait.
pub(crate) fn end<T: Clone>(lead: Lead<T>, kept: Kept<T>, stored: Result<(), StoreError>) {
    if let Err(error) = stored {
        tracing::error!(key = lead.key(), %error, "an answer under an idempotency key is handed out, but not kept");
    }
    lead.ended(kept);
}
