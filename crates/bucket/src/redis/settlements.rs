use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

/// What is to be settled with the server. It sums up, so that it takes no more room however long the server is away: but
/// for the names of calls that have ended, and those are few.
#[derive(Debug, Default)]
pub(super) struct Settlements {
    batch: Mutex<Batch>,
    some: Notify,
}

#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Used beyond what was taken; negative, given back.
    pub(super) tokens: i64,
    pub(super) requests: i64,
    /// The most that is left, as the model's server says.
    pub(super) tokens_left: Option<u64>,
    pub(super) requests_left: Option<u64>,
    pub(super) paused_until: Option<Instant>,
    pub(super) ended: Vec<String>,
}

// === impl Settlements ===

impl Settlements {
    pub(super) fn add(&self, change: impl FnOnce(&mut Batch)) {
        change(&mut self.batch.lock().unwrap_or_else(PoisonError::into_inner));
        self.some.notify_one();
    }

    /// Takes what there is, to settle it.
    pub(super) fn take(&self) -> Option<Batch> {
        let mut batch = self.batch.lock().unwrap_or_else(PoisonError::into_inner);
        (!batch.is_empty()).then(|| std::mem::take(&mut *batch))
    }

    /// Puts back what could not be settled.
    pub(super) fn put_back(&self, batch: Batch) {
        self.batch.lock().unwrap_or_else(PoisonError::into_inner).join(batch);
    }

    /// Waits until something was added.
    pub(super) async fn some(&self) {
        self.some.notified().await;
    }

    pub(super) fn wake(&self) {
        self.some.notify_one();
    }
}

// === impl Batch ===

impl Batch {
    fn is_empty(&self) -> bool {
        self.tokens == 0
            && self.requests == 0
            && self.tokens_left.is_none()
            && self.requests_left.is_none()
            && self.paused_until.is_none()
            && self.ended.is_empty()
    }

    pub(super) fn pause(&mut self, until: Instant) {
        self.paused_until = self.paused_until.max(Some(until));
    }

    pub(super) fn paused_for(&self) -> Option<Duration> {
        Some(self.paused_until?.saturating_duration_since(Instant::now()))
    }

    /// An older word on what is left does not come back: it is out of date.
    fn join(&mut self, older: Self) {
        self.tokens = self.tokens.saturating_add(older.tokens);
        self.requests = self.requests.saturating_add(older.requests);
        self.paused_until = self.paused_until.max(older.paused_until);
        self.ended.extend(older.ended);
    }
}

/// An amount as a change of a balance.
pub(super) fn signed(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}
