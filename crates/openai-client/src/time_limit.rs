use std::time::Duration;

use tokio::time::Instant;

/// How long an attempt may take in all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeLimit {
    length: Duration,
    /// Nothing, where it is too far away to tell.
    end: Option<Instant>,
}

// === impl TimeLimit ===

impl TimeLimit {
    pub(crate) fn new(now: Instant, length: Duration) -> Self {
        Self { length, end: now.checked_add(length) }
    }

    pub(crate) const fn length(self) -> Duration {
        self.length
    }

    pub(crate) const fn end(self) -> Option<Instant> {
        self.end
    }

    /// When it ended, if it has.
    pub(crate) fn ended(self) -> Option<Instant> {
        self.end.filter(|end| *end <= Instant::now())
    }
}
