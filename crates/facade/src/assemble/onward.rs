use mainstay_backoff::RetryPolicy;
use mainstay_fault::{Call, Fault, FaultKind};

/// Where a streamed call can go that waits for its first token: what its tier knows of that.
pub(crate) struct Onward {
    pub(super) policy: RetryPolicy,
    /// The backends of the tier.
    pub(super) backends: usize,
    /// Whether a tier below takes over what is slow.
    pub(super) below: bool,
}

// === impl Onward ===

impl Onward {
    /// Whether the call would be served elsewhere, or sent again, if its attempt were given up now.
    pub(crate) fn leads_on(&self, call: &Call) -> bool {
        let others = call.tried.len() + 1 < self.backends;
        self.below || self.policy.would_retry(call, &Fault::new(FaultKind::Timeout).with_elsewhere(others))
    }
}
