use std::{fmt, mem::ManuallyDrop, sync::Arc};

use mainstay_fault::{BackendId, Fault};
use tokio::time::Instant;

use crate::{Usage, budget::Hold, member::Member, moment::Moment, standing::Admission};

/// A call in flight at a backend. Whoever holds it says how the call ended.
///
/// A stream takes it along ([`hand_over`](crate::hand_over)), tells when the [first token](Self::first_token) came, and ends with
/// [`finish`](Self::finish) or [`fail`](Self::fail).
///
/// # Cancel safety
///
/// Dropped, the call was cancelled: that says nothing of the backend. The place in flight is given back exactly once,
/// whichever way it ends; so is the place of a probe.
pub struct Ticket {
    member: Arc<Member>,
    admission: Admission,
    began: Instant,
    first: bool,
    sent: bool,
    output_tokens: u64,
    hold: Option<Hold>,
}

/// A place in flight that has no ticket yet: until the call is made, so that the ticket is written once, where it stays.
pub(crate) struct Place<'a> {
    member: &'a Arc<Member>,
    admission: Admission,
}

// === impl Place ===

impl<'a> Place<'a> {
    #[inline]
    pub(crate) fn new(member: &'a Arc<Member>, admission: Admission) -> Self {
        member.standing.enter();
        Self { member, admission }
    }

    #[inline]
    pub(crate) fn ticket(self, began: Instant, hold: Option<Hold>) -> Ticket {
        let Self { member, admission } = *ManuallyDrop::new(self);
        let member = Arc::clone(member);
        Ticket { member, admission, began, first: false, sent: false, output_tokens: 0, hold }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.member.standing.give_back(self.admission);
    }
}

// === impl Ticket ===

impl Ticket {
    /// The backend that has the call.
    pub fn backend(&self) -> BackendId {
        self.member.id
    }

    /// The backend's name.
    pub fn name(&self) -> &str {
        self.member.attributes.name()
    }

    /// Says that the first token has come. Only the first time counts.
    pub fn first_token(&mut self) {
        if !self.first {
            self.first = true;
            let now = Instant::now();
            self.member.first_came(now.saturating_duration_since(self.began), Moment::of(now));
        }
    }

    /// Counts tokens of the answer as they come, so that a call that is given up midway is charged for them.
    pub fn count(&mut self, output_tokens: u64) {
        self.output_tokens = self.output_tokens.saturating_add(output_tokens);
    }

    /// Ends the call well. Where its usage is not known, it is charged for what was counted; and where nothing was,
    /// the worst case that was reserved stands.
    pub fn finish(mut self, usage: Option<Usage>) {
        let now = Instant::now();
        let (took, now) = (now.saturating_duration_since(self.began), Moment::of(now));
        if !self.first {
            self.first = true;
            self.member.first_came(took, now);
        }
        self.member.succeeded(took, self.admission, now);
        match (self.hold.take(), usage) {
            (Some(hold), Some(usage)) => hold.settle(usage),
            (Some(hold), None) => hold.cancelled(self.output_tokens),
            (None, _) => {}
        }
    }

    /// Ends the call with a fault, and judges the backend by it.
    pub fn fail(mut self, fault: &Fault) {
        let now = Instant::now();
        let took = now.saturating_duration_since(self.began);
        self.member.failed(fault, took, self.admission, Moment::of(now));
        if let Some(hold) = self.hold.take() {
            hold.failed(fault.kind, self.output_tokens);
        }
    }

    /// The request is with the backend: from here on it may cost.
    pub(crate) const fn sent(&mut self) {
        self.sent = true;
    }

    /// The wait for the backend's readiness is over, and no part of its latency.
    pub(crate) fn begins_now(&mut self) {
        self.began = Instant::now();
    }

    pub(crate) fn member(&self) -> &Arc<Member> {
        &self.member
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.sent
            && let Some(hold) = self.hold.take()
        {
            hold.cancelled(self.output_tokens);
        }
        self.member.standing.give_back(self.admission);
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket")
            .field("backend", &self.backend())
            .field("name", &self.name())
            .field("admission", &self.admission)
            .finish_non_exhaustive()
    }
}
