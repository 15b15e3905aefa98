use std::{fmt, mem::ManuallyDrop, sync::Arc};

use mainstay_fault::{BackendId, Fault};

use crate::{
    Usage,
    budget::Hold,
    course::{Course, Mark},
    member::Member,
    moment::Tick,
    standing::Admission,
};

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
    began: Tick,
    course: Course,
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
    pub(crate) fn ticket(self, began: Tick, hold: Option<Hold>) -> Ticket {
        let Self { member, admission } = *ManuallyDrop::new(self);
        let member = Arc::clone(member);
        Ticket { member, began, course: Course::begin(admission), hold }
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
        if !self.course.has(Mark::First) {
            self.course.mark(Mark::First);
            let now = Tick::now();
            self.member.first_came(now.since(self.began), now.moment());
        }
    }

    /// Counts tokens of the answer as they come, so that a call that is given up midway is charged for them.
    pub fn count(&mut self, output_tokens: u64) {
        self.course.count(output_tokens);
    }

    /// Ends the call well. Where its usage is not known, it is charged for what was counted; and where nothing was,
    /// the worst case that was reserved stands.
    pub fn finish(mut self, usage: Option<Usage>) {
        let ended = Tick::now();
        self.end(ended, usage);
    }

    /// Ends the call well, here and now. One that was answered as soon as it was asked took no time: no clock is read for it.
    #[inline]
    pub(crate) fn finish_here(mut self, usage: Option<Usage>) {
        let ended = if self.course.has(Mark::Waited) { Tick::now() } else { self.began };
        self.end(ended, usage);
    }

    #[inline]
    fn end(&mut self, ended: Tick, usage: Option<Usage>) {
        let (took, now) = (ended.since(self.began), ended.moment());
        if !self.course.has(Mark::First) {
            self.course.mark(Mark::First);
            self.member.first_came(took, now);
        }
        self.member.succeeded(took, self.course.admission(), now);
        match (self.hold.take(), usage) {
            (Some(hold), Some(usage)) => hold.settle(usage),
            (Some(hold), None) => hold.cancelled(self.course.tokens()),
            (None, _) => {}
        }
    }

    /// Ends the call with a fault, and judges the backend by it.
    pub fn fail(self, fault: &Fault) {
        self.fail_having_used(fault, None);
    }

    /// The same for a call that was billed all the same.
    pub(crate) fn fail_having_used(mut self, fault: &Fault, used: Option<Usage>) {
        let now = Tick::now();
        let took = now.since(self.began);
        self.member.failed(fault, took, self.course.admission(), now.moment());
        match (self.hold.take(), used) {
            (Some(hold), Some(used)) => hold.settle(used),
            (Some(hold), None) => hold.failed(fault, self.course.tokens()),
            (None, _) => {}
        }
    }

    /// The request is with the backend: from here on it may cost.
    pub(crate) const fn sent(&mut self) {
        self.course.mark(Mark::Sent);
    }

    /// The backend has not answered at once.
    pub(crate) const fn waits(&mut self) {
        self.course.mark(Mark::Waited);
    }

    /// The wait for the backend's readiness is over, and no part of its latency.
    pub(crate) fn begins_now(&mut self) {
        self.began = Tick::now();
    }

    /// Whose money the call spends, if it holds some.
    pub(crate) fn budget_key(&self) -> Option<Arc<str>> {
        self.hold.as_ref().map(Hold::key)
    }

    pub(crate) fn member(&self) -> &Arc<Member> {
        &self.member
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.course.has(Mark::Sent)
            && let Some(hold) = self.hold.take()
        {
            hold.given_up(self.course.tokens());
        }
        self.member.standing.give_back(self.course.admission());
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket")
            .field("backend", &self.backend())
            .field("name", &self.name())
            .field("course", &self.course)
            .finish_non_exhaustive()
    }
}
