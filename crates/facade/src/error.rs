use mainstay_backoff::Rejected;
use mainstay_bucket::Limited;
use mainstay_fallback::{Exhausted, queue::QueueError};
use mainstay_fault::{Fault, FaultKind, HasFault};
use mainstay_idempotency::Refused;
use mainstay_router as router;

use crate::{DeadlinePassed, openai};

/// Why a call got no answer, after all that was done for it.
///
/// # Examples
///
/// ```
/// use mainstay::{Error, FaultKind, HasFault, Rejected};
///
/// let error = Error::from(Rejected::new("the answer is not JSON"));
/// assert_eq!(error.fault().kind, FaultKind::Rejected);
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The last attempt failed.
    #[error(transparent)]
    Call(#[from] openai::Error),
    /// The last attempt's answer did not pass the [check](crate::Builder::check).
    #[error("answer rejected: {0}")]
    Rejected(#[from] Rejected),
    /// A limit on this side is reached, and the wait for it would be too long: nothing was sent.
    #[error(transparent)]
    Limited(#[from] Limited),
    /// Of several backends, the one that took the call failed, or none could take it.
    #[error(transparent)]
    Routed(Box<router::Error<Self>>),
    /// No backend of a tier could take the call, and the tier gave way to the next one.
    #[error("{none}")]
    Skipped {
        /// For each backend, why not.
        none: router::NoneEligible,
        /// Its fault, for who looks through the chain of sources.
        #[source]
        fault: Fault,
    },
    /// Several tiers were asked, and none answered.
    #[error(transparent)]
    Exhausted(Box<Exhausted<Self>>),
    /// There is no route for the model that was named, and no default one.
    #[error("there is no model {model:?}; there are {}", known.join(", "))]
    NoRoute {
        /// The model that was named.
        model: String,
        /// The models that there are.
        known: Vec<String>,
        /// Its fault, for who looks through the chain of sources.
        #[source]
        fault: Fault,
    },
    /// The call's key is in use, or was used for another request; or what came of the call for which it waited.
    #[error(transparent)]
    Key(#[from] Refused),
    /// Embeddings were asked for on a route that has no tier of models: an answer that is set, rules and queues embed nothing.
    #[error("no tier of this route has a model, and only models embed")]
    NothingEmbeds {
        /// Its fault, for who looks through the chain of sources.
        #[source]
        fault: Fault,
    },
    /// The call could not be queued for people.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// What was inside did not keep the call's deadline, as a tier of the caller's own may not.
    #[error(transparent)]
    Deadline(#[from] DeadlinePassed),
    /// What a tier of the caller's own has failed with.
    #[error(transparent)]
    Tier(Box<dyn std::error::Error + Send + Sync>),
}

// === impl Error ===

impl HasFault for Error {
    fn fault(&self) -> Fault {
        match self {
            Self::Call(error) => error.fault(),
            Self::Rejected(error) => error.fault(),
            Self::Limited(error) => error.fault(),
            Self::Routed(error) => error.fault(),
            Self::Exhausted(error) => error.fault(),
            Self::NoRoute { fault, .. } | Self::Skipped { fault, .. } | Self::NothingEmbeds { fault } => {
                *fault
            }
            Self::Key(error) => error.fault(),
            Self::Queue(error) => error.fault(),
            Self::Deadline(error) => error.fault(),
            Self::Tier(error) => error.fault(),
        }
    }

    fn used(&self) -> Option<(u64, u64)> {
        match self {
            Self::Rejected(rejected) => rejected.used(),
            _ => None,
        }
    }
}

impl Error {
    pub(crate) fn no_route(model: &str, known: Vec<String>) -> Self {
        Self::NoRoute { model: model.to_owned(), known, fault: FaultKind::ModelNotFound.into() }
    }
}

impl Error {
    /// What a router's error means in a tier below which there are others: where nobody can take the call, they do.
    pub(crate) fn giving_way(error: router::Error<Self>) -> Self {
        match error {
            router::Error::NoneEligible(none) => {
                let mut fault = Fault::new(FaultKind::Shed);
                fault.retry_after = none.retry_after();
                Self::Skipped { none, fault }
            }
            error => error.into(),
        }
    }

    /// What a router's error means where there is one backend and nothing below it: the backend's own, as if nobody had chosen.
    pub(crate) fn alone(error: router::Error<Self>) -> Self {
        match error {
            router::Error::Backend(failed) => failed.into_error(),
            error => error.into(),
        }
    }
}

impl From<router::Error<Self>> for Error {
    fn from(error: router::Error<Self>) -> Self {
        Self::Routed(Box::new(error))
    }
}

/// Where a single tier was asked, its own error is the story. No tier is asked where there is none, which only happens to embeddings.
impl From<Exhausted<Self>> for Error {
    fn from(exhausted: Exhausted<Self>) -> Self {
        if exhausted.trail().len() > 1 {
            return Self::Exhausted(Box::new(exhausted));
        }
        match exhausted.into_most_useful() {
            Some(error) => error,
            None => Self::NothingEmbeds { fault: FaultKind::ModelNotFound.into() },
        }
    }
}
