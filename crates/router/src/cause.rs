use std::time::Duration;

use mainstay_fault::{Fault, FaultKind, HealthEffect, health_effect};

use crate::Health;

/// Why a backend is set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// Too many of its calls failed.
    Broken,
    /// It limits our rate.
    RateLimited,
    /// The money is used up.
    QuotaExhausted,
    /// It does not know our key.
    Auth,
    /// It does not have the model.
    ModelNotFound,
}

// === impl Cause ===

impl Cause {
    /// The kind of the faults that have it.
    pub const fn kind(self) -> FaultKind {
        match self {
            Self::Broken => FaultKind::Unavailable,
            Self::RateLimited => FaultKind::RateLimited,
            Self::QuotaExhausted => FaultKind::QuotaExhausted,
            Self::Auth => FaultKind::Auth,
            Self::ModelNotFound => FaultKind::ModelNotFound,
        }
    }

    /// Why a fault sets its backend aside at once, and for how long.
    pub(crate) fn of(fault: &Fault, health: &Health) -> Option<(Self, Duration)> {
        match health_effect(fault) {
            HealthEffect::None | HealthEffect::CountsAgainst => None,
            HealthEffect::SetAsideUntilRetryAfter
                if health.leave_rate_limits && fault.retry_after.is_some() =>
            {
                None
            }
            HealthEffect::SetAsideUntilRetryAfter => {
                let pause = fault.retry_after.unwrap_or(health.paused_for).min(health.longest_pause);
                Some((Self::RateLimited, pause))
            }
            HealthEffect::SetAsideForLong
                if health.leave_missing_models && fault.kind == FaultKind::ModelNotFound =>
            {
                None
            }
            HealthEffect::SetAsideForLong => {
                let cause = match fault.kind {
                    FaultKind::Auth => Self::Auth,
                    FaultKind::ModelNotFound => Self::ModelNotFound,
                    _ => Self::QuotaExhausted,
                };
                let asked = fault.retry_after.unwrap_or_default().min(health.longest_pause);
                Some((cause, health.long.max(asked)))
            }
        }
    }
}
