use std::{fmt, sync::Arc};

use mainstay_fault::{Fault, FaultKind, Journal, PastDeadline};

use super::{Account, BILLION, nanos};
use crate::{Price, Usage};

/// What a call has reserved. Dropped, it is given back.
///
/// Most calls have no budget: they carry a word for it.
pub(crate) struct Hold(Box<Held>);

struct Held {
    key: Arc<str>,
    account: Arc<Account>,
    window: u16,
    reserved: u64,
    price: Price,
    input_tokens: u64,
    settled: bool,
    /// What the same call holds of another budget.
    other: Option<Hold>,
    /// Where it is written down whether the call was sent.
    journal: Option<Journal>,
}

// === impl Hold ===

impl Hold {
    /// Holds so many billionths of a dollar of a window, for so many tokens of input.
    pub(super) fn new(
        (key, account): (Arc<str>, Arc<Account>),
        (window, reserved): (u16, u64),
        price: Price,
        input_tokens: u64,
    ) -> Self {
        let (settled, other, journal) = (false, None, None);
        let held = Held { key, account, window, reserved, price, input_tokens, settled, other, journal };
        Self(Box::new(held))
    }

    /// Holds something of another budget besides.
    pub(crate) fn and(mut self, other: Option<Self>) -> Self {
        self.0.other = other;
        self
    }

    /// Looks into a journal for whether the call was sent.
    pub(crate) fn noted_in(mut self, journal: Option<Journal>) -> Self {
        self.0.journal = journal;
        self
    }

    /// Whose money is held: the key of the first account that is not one for all calls.
    pub(crate) fn key(&self) -> Arc<str> {
        match &self.0.other {
            Some(other) if self.0.key.is_empty() => other.key(),
            _ => Arc::clone(&self.0.key),
        }
    }

    /// Settles on what was used. More than was reserved is charged too.
    pub(crate) fn settle(mut self, usage: Usage) {
        if let Some(other) = self.0.other.take() {
            other.settle(usage);
        }
        self.charge(nanos(self.0.price.cost(usage)));
    }

    /// Lets what was reserved stand.
    fn stand(mut self) {
        if let Some(other) = self.0.other.take() {
            other.stand();
        }
        self.0.settled = true;
    }

    fn charge(&mut self, used: u64) {
        self.0.settled = true;
        let Held { account, window, reserved, .. } = &*self.0;
        account.settle(*window, *reserved, used);
    }

    /// The call failed: where the model may have worked, what was reserved stands.
    pub(crate) fn failed(self, fault: &Fault, output_tokens: u64) {
        use FaultKind::{Cancelled, ContentFiltered, Interrupted, Malformed, Rejected, Timeout};
        match fault.kind {
            _ if fault.past_deadline == Some(PastDeadline::Unsent) => drop(self),
            Timeout | Malformed | Rejected | Interrupted | ContentFiltered | Cancelled => {
                self.cancelled(output_tokens);
            }
            _ => drop(self),
        }
    }

    /// The call was given up: what was never sent costs nothing.
    pub(crate) fn given_up(self, output_tokens: u64) {
        if self.0.journal.as_ref().is_some_and(Journal::is_in_line) {
            return drop(self);
        }
        self.cancelled(output_tokens);
    }

    /// The call was sent: it is charged for what was counted, or stands if nothing was.
    pub(crate) fn cancelled(self, output_tokens: u64) {
        if output_tokens == 0 {
            return self.stand();
        }
        let usage = Usage::new(self.0.input_tokens, output_tokens);
        self.settle(usage);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if !self.0.settled {
            self.charge(0);
        }
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold").field("reserved", &(self.0.reserved as f64 / BILLION)).finish_non_exhaustive()
    }
}
