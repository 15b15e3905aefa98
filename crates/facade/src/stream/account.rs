use mainstay_bucket::Reservation;
use mainstay_fault::{Entry, Fault};
use mainstay_router::{self as router, Price, Ticket};

use super::tally::Tally;
use crate::{
    ChatRequest,
    among::{router_usage, stated, total},
    attempt, limits,
    openai::{ChatChunk, Usage},
};

/// What one attempt of a stream is charged to (limits, budgets, the journal), and how much, as far as that is known.
///
/// # Cancel safety
///
/// Dropped before the stream's end, it is charged for what has passed.
#[derive(Debug)]
pub(super) struct Account {
    /// What was asked, of which the tokens are counted if the server does not say.
    request: ChatRequest,
    reservation: Reservation,
    /// Where the attempt is written down.
    entry: Option<Entry>,
    price: Option<Price>,
    /// Where the backend is judged, and holds of budgets are settled.
    ticket: Option<Ticket>,
    passed: Tally,
    stated: Option<router::Usage>,
    /// The tokens that had passed when it was stated.
    passed_when_stated: u64,
}

// === impl Account ===

impl Account {
    pub(super) fn new(request: ChatRequest, reservation: Reservation) -> Self {
        let passed = Tally::default();
        Self {
            request,
            reservation,
            entry: None,
            price: None,
            ticket: None,
            passed,
            stated: None,
            passed_when_stated: 0,
        }
    }

    pub(super) fn write_into(&mut self, entry: Entry, price: Option<Price>) {
        (self.entry, self.price) = (Some(entry), price);
    }

    pub(super) fn judging(&mut self, mut ticket: Ticket) {
        ticket.first_token();
        self.ticket = Some(ticket);
    }

    /// Counts what a chunk says, or takes the server at its word.
    pub(super) fn note(&mut self, chunk: &ChatChunk) {
        self.passed.add(chunk);
        if let Some(usage) = stated(chunk.usage.as_ref()) {
            self.state(usage);
        }
    }

    fn state(&mut self, usage: &Usage) {
        (self.stated, self.passed_when_stated) = (Some(router_usage(usage)), self.passed.tokens());
        self.reservation.used(total(usage));
        if let Some(entry) = &mut self.entry {
            attempt::write(entry, usage, self.price);
        }
    }

    /// Settles all of it: the stream has ended, so or well.
    pub(super) fn end(mut self, fault: Option<Fault>) {
        self.charge(fault.is_none());
        if let Some(mut entry) = self.entry.take() {
            entry.end(fault);
        }
        match (self.ticket.take(), fault) {
            (Some(ticket), None) => ticket.finish(self.stated),
            (Some(ticket), Some(fault)) => ticket.fail(&fault),
            (None, _) => {}
        }
    }

    /// Charges for what has passed, if the server has not said what was used, or said it before the last of it and the stream never
    /// came to its end. Where nothing has passed, what was reserved stands.
    fn charge(&mut self, is_whole: bool) {
        let passed = std::mem::take(&mut self.passed).tokens();
        let is_said = |usage: &router::Usage| {
            is_whole || passed <= self.passed_when_stated || passed <= usage.output_tokens
        };
        let said = self.stated.filter(is_said);
        if let Some(ticket) = &mut self.ticket {
            ticket.count(said.map_or(passed, |usage| usage.output_tokens));
        }
        if said.is_some() || passed == 0 {
            return;
        }
        let asked = self.stated.map_or_else(|| limits::prompt(&self.request), |usage| usage.input_tokens);
        self.reservation.used(asked.saturating_add(passed));
        if let Some(entry) = &mut self.entry {
            let dollars = self.price.map(|price| price.cost(router::Usage::new(asked, passed)));
            entry.bill(asked, passed, dollars);
        }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.charge(false);
    }
}
