use std::{fmt, time::Duration};

use mainstay_fault::Fault;

/// A retry that is about to be made, as [`RetryPolicy::on_retry`](crate::RetryPolicy::on_retry) is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryEvent {
    /// The number of the attempt that failed, from 1.
    pub attempt: u32,
    /// What went wrong with it.
    pub fault: Fault,
    /// How long is waited before the next attempt.
    pub delay: Duration,
}

/// A failed call that is not tried again, as [`RetryPolicy::on_give_up`](crate::RetryPolicy::on_give_up) is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GiveUpEvent {
    /// The number of the attempt that failed, from 1.
    pub attempt: u32,
    /// What went wrong with it.
    pub fault: Fault,
    /// Why it is the last.
    pub reason: GiveUp,
}

/// Why a call is not tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GiveUp {
    /// The fault is one that another attempt would not mend.
    NotRetryable,
    /// All attempts are made.
    Exhausted,
    /// The server asks for a longer wait than the policy allows.
    RetryAfterTooLong,
    /// The wait would cross the deadline.
    Deadline,
    /// The retry budget is used up.
    Budget,
}

// === impl GiveUp ===

impl GiveUp {
    /// Returns the reason in `snake_case`, as it stands in traces.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotRetryable => "not_retryable",
            Self::Exhausted => "attempts_exhausted",
            Self::RetryAfterTooLong => "retry_after_too_long",
            Self::Deadline => "deadline",
            Self::Budget => "budget_exhausted",
        }
    }
}

impl fmt::Display for GiveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Shows a decision to whoever traces.
pub(crate) fn observe(attempt: u32, fault: &Fault, decision: Result<Duration, GiveUp>) {
    let kind = fault.kind.as_str();
    match decision {
        Ok(delay) => tracing::debug!(
            mainstay.retry.attempt = attempt,
            mainstay.retry.delay_ms = delay.as_secs_f64() * 1e3,
            error.r#type = kind,
            "retrying"
        ),
        Err(reason) => tracing::debug!(
            mainstay.retry.attempt = attempt,
            mainstay.retry.gave_up = reason.as_str(),
            error.r#type = kind,
            "not retrying"
        ),
    }
}
