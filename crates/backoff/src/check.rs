use std::fmt;

use mainstay_fault::{Fault, FaultKind, HasFault};
use thiserror::Error;

use crate::Judge;

/// An answer that came whole and failed the caller's own check.
///
/// Made by the closure given to [`RetryPolicy::check`](crate::RetryPolicy::check); what the service's error must be
/// made [`From`].
///
/// # Examples
///
/// ```
/// use mainstay_backoff::Rejected;
/// use mainstay_fault::{FaultKind, HasFault};
///
/// let rejected = Rejected::new("the answer is not JSON");
/// assert_eq!(rejected.fault().kind, FaultKind::Rejected);
/// assert_eq!(rejected.to_string(), "the answer is not JSON");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct Rejected {
    reason: String,
    #[source]
    fault: Fault,
    used: Option<(u64, u64)>,
}

/// A [`Judge`] that also checks the answers: see [`RetryPolicy::check`](crate::RetryPolicy::check).
#[derive(Clone, Copy)]
pub struct Check<J, F> {
    judge: J,
    check: F,
}

// === impl Rejected ===

impl Rejected {
    /// Creates a rejection of the kind [`FaultKind::Rejected`], which is worth another attempt: a model answers
    /// differently each time.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), fault: FaultKind::Rejected.into(), used: None }
    }

    /// Makes it a fault of another kind, for an answer that is not worth another attempt.
    #[must_use]
    pub fn with_fault(mut self, fault: impl Into<Fault>) -> Self {
        self.fault = fault.into();
        self
    }

    /// Says how many tokens the prompt and the answer had: they are billed, though nobody takes the answer.
    #[must_use]
    pub const fn with_used(mut self, input_tokens: u64, output_tokens: u64) -> Self {
        self.used = Some((input_tokens, output_tokens));
        self
    }
}

impl HasFault for Rejected {
    fn fault(&self) -> Fault {
        self.fault
    }

    fn used(&self) -> Option<(u64, u64)> {
        self.used
    }
}

// === impl Check ===

impl<J, F> Check<J, F> {
    pub(crate) const fn new(judge: J, check: F) -> Self {
        Self { judge, check }
    }
}

impl<J, F, T, E> Judge<T, E> for Check<J, F>
where
    J: Judge<T, E>,
    F: Fn(&T) -> Result<(), Rejected>,
    E: From<Rejected>,
{
    fn judge(&self, outcome: &mut Result<T, E>) -> Option<Fault> {
        // What the judge calls a fault is no answer to be checked: an error by its status, say.
        if let Some(fault) = self.judge.judge(outcome) {
            return Some(fault);
        }
        let rejected = (self.check)(outcome.as_ref().ok()?).err()?;
        let fault = rejected.fault();
        *outcome = Err(rejected.into());
        Some(fault)
    }
}

impl<J: fmt::Debug, F> fmt::Debug for Check<J, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check").field("judge", &self.judge).finish_non_exhaustive()
    }
}
