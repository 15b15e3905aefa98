//! The books: each call is entered when it comes and closed when it ends, whatever becomes of it.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{answer::Usage, model::Ticket, stats::Stats};

/// Counts calls and connections.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    books: Mutex<Books>,
}

#[derive(Debug, Default)]
struct Books {
    stats: Stats,
    by_prompt: HashMap<u64, u64>,
    /// How often each request has come, by its fingerprint.
    seen: HashMap<u64, u64>,
    /// Idempotency keys that are being answered, and those that have been.
    busy: HashSet<String>,
    done: HashSet<String>,
}

/// One call, from its arrival to its end. However it ends, dropping it closes its entry.
#[derive(Debug)]
pub(crate) struct Call {
    ledger: Arc<Ledger>,
    key: Option<String>,
    holds_key: bool,
    outcome: Option<&'static str>,
    work: Option<Work>,
    /// The tokens of the answer that have been handed over, once its first byte is.
    handed: Option<u64>,
    ticket: Option<Ticket>,
}

/// What an answer has cost, once it is wholly sent, and what it counts for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    pub(crate) usage: Usage,
    pub(crate) worth: Worth,
}

/// What an answer is worth to whoever gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Worth {
    /// It is right: wholly sent, the call has executed.
    Right,
    /// It is whole, and of no use.
    Useless,
    /// A fault keeps it from being whole.
    Lost,
}

/// What the ledger knows of an idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyState {
    New,
    Busy,
    Done,
}

// === impl Ledger ===

impl Ledger {
    /// Enters a call.
    pub(crate) fn open(self: &Arc<Self>, key: Option<&str>) -> Call {
        let mut books = self.books();
        let stats = &mut books.stats;
        stats.calls += 1;
        stats.in_flight += 1;
        stats.peak_in_flight = stats.peak_in_flight.max(stats.in_flight);
        if let Some(key) = key {
            count(&mut stats.received, key);
        }
        let key = key.map(str::to_owned);
        Call {
            ledger: Arc::clone(self),
            key,
            holds_key: false,
            outcome: None,
            work: None,
            handed: None,
            ticket: None,
        }
    }

    /// How often a request of this fingerprint has come before.
    pub(crate) fn occurrence(&self, fingerprint: u64) -> u64 {
        let mut books = self.books();
        let seen = books.seen.entry(fingerprint).or_default();
        mem::replace(seen, *seen + 1)
    }

    pub(crate) fn connected(&self) {
        let stats = &mut self.books().stats;
        stats.connections += 1;
        stats.open_connections += 1;
    }

    pub(crate) fn disconnected(&self) {
        let stats = &mut self.books().stats;
        stats.open_connections = stats.open_connections.saturating_sub(1);
    }

    pub(crate) fn stats(&self) -> Stats {
        let books = self.books();
        let by_prompt =
            books.by_prompt.iter().map(|(hash, calls)| (format!("{hash:016x}"), *calls)).collect();
        Stats { by_prompt, ..books.stats.clone() }
    }

    /// Forgets what is over; what is open now stays counted as open.
    pub(crate) fn reset_stats(&self) {
        let mut books = self.books();
        let Stats { in_flight, open_connections, .. } = books.stats;
        books.stats = Stats {
            calls: in_flight,
            in_flight,
            peak_in_flight: in_flight,
            open_connections,
            ..Stats::default()
        };
        books.by_prompt.clear();
    }

    /// Forgets also which requests and which keys it has seen.
    pub(crate) fn reset(&self) {
        self.reset_stats();
        let mut books = self.books();
        books.seen.clear();
        books.done.clear();
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        // Counts are whole between any two statements: a panic elsewhere leaves nothing half done.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Call ===

impl Call {
    /// Enters what the call asks of whom.
    pub(crate) fn names(&self, model: &str, prompt: u64) {
        let mut books = self.ledger.books();
        count(&mut books.stats.by_model, model);
        *books.by_prompt.entry(prompt).or_default() += 1;
    }

    /// Takes the call's idempotency key for itself, if it is free.
    pub(crate) fn claim_key(&mut self) -> KeyState {
        let Some(key) = &self.key else { return KeyState::New };
        let mut books = self.ledger.books();
        if books.busy.contains(key) {
            return KeyState::Busy;
        }
        if books.done.contains(key) {
            return KeyState::Done;
        }
        self.holds_key = books.busy.insert(key.clone());
        KeyState::New
    }

    pub(crate) fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Says what becomes of the call. The first word counts.
    pub(crate) fn outcome(&mut self, name: &'static str) {
        if self.outcome.is_none() {
            self.outcome = Some(name);
            count(&mut self.ledger.books().stats.by_outcome, name);
        }
    }

    /// Says that the plan's own limits refuse the call.
    pub(crate) fn limited(&self) {
        self.ledger.books().stats.limited += 1;
    }

    /// Keeps the call's ticket until its end, and what its answer costs and counts for.
    pub(crate) fn holds(&mut self, ticket: Ticket, work: Option<Work>) {
        self.ticket = Some(ticket);
        self.work = work;
    }

    /// Says that bytes of the model's answer are about to be sent, and with them so many tokens.
    pub(crate) fn hands_over(&mut self, tokens: u64) {
        if self.work.is_none() {
            return;
        }
        if let Some(key) = self.key.as_ref().filter(|_| self.handed.is_none()) {
            count(&mut self.ledger.books().stats.begun, key);
        }
        *self.handed.get_or_insert(0) += tokens;
    }

    /// Closes the entry of a call whose answer is wholly sent.
    pub(crate) fn answered(mut self) {
        self.outcome("ok");
        self.charge(true);
    }

    /// Charges what a model has done that began to answer, whatever became of its answer.
    fn charge(&mut self, wholly_sent: bool) {
        let Some((Work { usage, worth }, completion)) = self.work.take().zip(self.handed) else { return };
        let usage = if wholly_sent && worth != Worth::Lost { usage } else { Usage { completion, ..usage } };
        if let Some(ticket) = &mut self.ticket {
            ticket.used(usage);
        }
        let mut books = self.ledger.books();
        books.stats.prompt_tokens += usage.prompt;
        books.stats.completion_tokens += usage.completion;
        let Some(key) = &self.key else { return };
        if wholly_sent && worth == Worth::Right {
            count(&mut books.stats.executions, key);
        }
        if worth != Worth::Useless {
            books.done.insert(key.clone());
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.outcome("client_gone");
        self.charge(false);
        // What it did not use is given back before anybody can see that it is over.
        drop(self.ticket.take());
        let mut books = self.ledger.books();
        books.stats.in_flight = books.stats.in_flight.saturating_sub(1);
        if let Some(key) = self.key.as_ref().filter(|_| self.holds_key) {
            books.busy.remove(key);
        }
    }
}

fn count(counts: &mut BTreeMap<String, u64>, name: &str) {
    match counts.get_mut(name) {
        Some(count) => *count += 1,
        None => _ = counts.insert(name.to_owned(), 1),
    }
}
