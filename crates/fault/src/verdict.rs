use crate::{Fault, FaultKind, PastDeadline};

/// What may be done about a fault, and what it says about the backend: one row of the table of decisions.
///
/// | kind | retry here | elsewhere | the backend's health |
/// |---|---|---|---|
/// | `RateLimited` | yes, not before Retry-After | yes | set aside until Retry-After |
/// | `QuotaExhausted` | no | yes | set aside for long |
/// | `Overloaded` | yes | yes | counts against it |
/// | `Unavailable` | yes | yes | counts against it |
/// | `Timeout` | yes | yes | counts against it |
/// | `Connect` | yes | yes | counts against it |
/// | `Malformed` | yes | yes | counts against it |
/// | `Rejected` | yes: a model answers differently each time | yes | none |
/// | `Interrupted` | no: the caller has seen a part | no | counts against it |
/// | `ModelNotFound` | no | yes | set aside for long |
/// | `Auth` | no | yes | set aside for long |
/// | `ContextLength` | no | only to a larger window | none |
/// | `ContentFiltered` | no | only if asked for | none |
/// | `InvalidRequest` | no | no | none |
/// | `Shed` | no | yes | none |
/// | `Cancelled` | no | no | none |
///
/// This is the only place where these decisions are made. Layers ask [`retryable`], [`worth_falling_back`] and
/// [`health_effect`], and take a closure of the same shape to decide otherwise.
///
/// # Examples
///
/// ```
/// use mainstay_fault::{Elsewhere, FaultKind, Verdict};
///
/// let quota = Verdict::of(FaultKind::QuotaExhausted);
/// assert!(!quota.retry, "waiting does not refill a purse");
/// assert_eq!(quota.elsewhere, Elsewhere::Yes);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the same backend may be asked again.
    pub retry: bool,
    /// Whether another backend or tier may be asked.
    pub elsewhere: Elsewhere,
    /// What the fault says about the backend that it came from.
    pub health: HealthEffect,
}

/// Whether a call that failed is worth sending to another backend or tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Elsewhere {
    /// Another backend would refuse it just the same.
    No,
    /// Another backend may well serve it.
    Yes,
    /// Only a backend with a larger context window.
    LargerWindow,
    /// Only if the caller said so: a refusal by policy is not routed around unasked.
    IfAsked,
}

/// What a fault says about the health of the backend that it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HealthEffect {
    /// Nothing: the fault is the caller's, or ours.
    None,
    /// One failure more in its failure ratio.
    CountsAgainst,
    /// Not to be asked before Retry-After has passed.
    SetAsideUntilRetryAfter,
    /// Not to be asked for minutes: it will not mend by itself.
    SetAsideForLong,
}

/// Tells whether the call may be sent to the same backend again.
///
/// The server's own word ([`Fault::should_retry`]) overrides the table; nothing overrides the call's deadline
/// ([`Fault::past_deadline`]).
pub fn retryable(fault: &Fault) -> bool {
    fault.past_deadline.is_none() && fault.should_retry.unwrap_or(Verdict::of(fault.kind).retry)
}

/// Tells whether the call may be sent to another backend or tier, and to which. Also past the call's deadline: what needs no time may
/// answer still.
pub fn worth_falling_back(fault: &Fault) -> Elsewhere {
    Verdict::of(fault.kind).elsewhere
}

/// Tells what the fault means for the backend that it came from: nothing where the call was not sent to it any more, or nobody read what
/// it answered ([`Fault::unread`]).
pub fn health_effect(fault: &Fault) -> HealthEffect {
    match fault.past_deadline {
        Some(PastDeadline::Unsent) => HealthEffect::None,
        _ if fault.unread => HealthEffect::None,
        _ => Verdict::of(fault.kind).health,
    }
}

// === impl Verdict ===

impl Verdict {
    /// Looks the kind up in the table.
    pub const fn of(kind: FaultKind) -> Self {
        use Elsewhere::{IfAsked, LargerWindow, No, Yes};
        use HealthEffect::{CountsAgainst, None, SetAsideForLong, SetAsideUntilRetryAfter};

        let (retry, elsewhere, health) = match kind {
            FaultKind::RateLimited => (true, Yes, SetAsideUntilRetryAfter),
            FaultKind::QuotaExhausted | FaultKind::ModelNotFound | FaultKind::Auth => {
                (false, Yes, SetAsideForLong)
            }
            FaultKind::Overloaded
            | FaultKind::Unavailable
            | FaultKind::Timeout
            | FaultKind::Connect
            | FaultKind::Malformed => (true, Yes, CountsAgainst),
            FaultKind::Rejected => (true, Yes, None),
            FaultKind::Interrupted => (false, No, CountsAgainst),
            FaultKind::ContextLength => (false, LargerWindow, None),
            FaultKind::ContentFiltered => (false, IfAsked, None),
            FaultKind::InvalidRequest | FaultKind::Cancelled => (false, No, None),
            FaultKind::Shed => (false, Yes, None),
        };
        Self { retry, elsewhere, health }
    }
}
