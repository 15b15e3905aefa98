use std::sync::Arc;

use mainstay_backoff::RetryPolicy;
use mainstay_fault::{BackendId, Call, Fault, FaultKind};
use mainstay_router::Standing;

/// Where a streamed call can go that waits for its first token: what its tier knows of that.
pub(crate) struct Onward {
    pub(super) policy: RetryPolicy,
    /// How the backends of the tier stand, by their numbers.
    pub(super) standings: Arc<[Standing]>,
    /// The number of the one that has the call.
    pub(super) own: u16,
    /// Whether a tier below takes over what is slow.
    pub(super) below: bool,
}

// === impl Onward ===

impl Onward {
    /// Whether the call would be served elsewhere, or sent again, if its attempt were given up now.
    pub(crate) fn leads_on(&self, call: &Call) -> bool {
        let slow = Fault::new(FaultKind::Timeout).with_elsewhere(self.others(call));
        self.below || self.policy.would_retry(call, &slow)
    }

    /// Whether another backend can take the call: it was not tried, and is not set aside.
    fn others(&self, call: &Call) -> bool {
        let takes = |(id, standing): (u16, &Standing)| {
            id != self.own && !call.tried.contains(BackendId(id)) && standing.set_aside().is_none()
        };
        (0..).zip(&*self.standings).any(takes)
    }
}
