use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

/// How many calls are handed in as ended at once: a script that takes long keeps others waiting.
const MOST_ENDED: usize = 1_000;

/// What is to be settled with the server. It sums up, so that it takes no more room however long the server is away: but
/// for the names of calls that have ended, and those are few.
#[derive(Debug, Default)]
pub(super) struct Settlements {
    batch: Mutex<Batch>,
    numbers: AtomicU64,
    some: Notify,
}

#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The first is 1.
    pub(super) number: u64,
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

    /// Takes what there is, to settle it under the next number.
    pub(super) fn take(&self) -> Option<Batch> {
        let mut batch = self.batch.lock().unwrap_or_else(PoisonError::into_inner);
        if batch.is_empty() {
            return None;
        }
        batch.number = self.numbers.fetch_add(1, Relaxed) + 1;
        let mut taken = std::mem::take(&mut *batch);
        batch.ended = taken.ended.split_off(taken.ended.len().min(MOST_ENDED));
        Some(taken)
    }

    /// Forgets what was said of what is left.
    pub(super) fn age(&self) {
        self.batch.lock().unwrap_or_else(PoisonError::into_inner).ages();
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

    /// Tells whether there may be more that ended than were taken.
    pub(super) fn is_full(&self) -> bool {
        self.ended.len() >= MOST_ENDED
    }

    pub(super) fn pause(&mut self, until: Instant) {
        self.paused_until = self.paused_until.max(Some(until));
    }

    pub(super) fn paused_for(&self) -> Option<Duration> {
        Some(self.paused_until?.saturating_duration_since(Instant::now()))
    }

    /// To be handed in again later: a word on what is left will be out of date.
    pub(super) fn ages(&mut self) {
        (self.tokens_left, self.requests_left) = (None, None);
    }
}

/// An amount as a change of a balance.
pub(super) fn signed(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}
