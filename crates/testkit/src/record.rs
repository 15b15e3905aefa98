use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

/// What a [`Script`](crate::Script) saw, shared with the test.
#[derive(Debug)]
pub struct Record<Request> {
    shared: Arc<Mutex<Shared<Request>>>,
}

/// One call that a [`Script`](crate::Script) saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen<Request> {
    /// The request, as it arrived.
    pub request: Request,
    /// When it arrived, on tokio's clock.
    pub at: Instant,
}

#[derive(Debug)]
struct Shared<Request> {
    seen: Vec<Seen<Request>>,
    in_flight: usize,
    finished: usize,
    ready_polls: usize,
}

// === impl Record ===

impl<Request> Record<Request> {
    /// The number of calls that arrived.
    pub fn calls(&self) -> usize {
        self.lock().seen.len()
    }

    /// The number of calls that neither finished nor were dropped.
    pub fn in_flight(&self) -> usize {
        self.lock().in_flight
    }

    /// The number of calls that were driven to their end.
    pub fn finished(&self) -> usize {
        self.lock().finished
    }

    /// The number of calls that were dropped before their end.
    pub fn dropped(&self) -> usize {
        let shared = self.lock();
        shared.seen.len() - shared.finished - shared.in_flight
    }

    /// How often the service was asked whether it is ready.
    pub fn ready_polls(&self) -> usize {
        self.lock().ready_polls
    }

    /// When each call arrived.
    pub fn times(&self) -> Vec<Instant> {
        self.lock().seen.iter().map(|seen| seen.at).collect()
    }

    /// All calls that arrived, in order.
    pub fn seen(&self) -> Vec<Seen<Request>>
    where
        Request: Clone,
    {
        self.lock().seen.clone()
    }

    pub(crate) fn begin(&self, request: Request) -> usize {
        let mut shared = self.lock();
        shared.in_flight += 1;
        shared.seen.push(Seen { request, at: Instant::now() });
        shared.seen.len() - 1
    }

    pub(crate) fn end(&self, finished: bool) {
        let mut shared = self.lock();
        shared.in_flight -= 1;
        shared.finished += usize::from(finished);
    }

    pub(crate) fn asked(&self) {
        self.lock().ready_polls += 1;
    }

    fn lock(&self) -> MutexGuard<'_, Shared<Request>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Request> Clone for Record<Request> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<Request> Default for Record<Request> {
    fn default() -> Self {
        let shared = Shared { seen: Vec::new(), in_flight: 0, finished: 0, ready_polls: 0 };
        Self { shared: Arc::new(Mutex::new(shared)) }
    }
}
