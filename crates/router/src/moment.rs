use std::time::Duration;

use tokio::time::Instant;

/// A moment in milliseconds since the set of backends was made: it fits into a word with other things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) u64);

// === impl Moment ===

impl Moment {
    /// Counted from 1, so that 0 can mean never.
    pub(crate) fn between(epoch: Instant, now: Instant) -> Self {
        Self(millis(now.saturating_duration_since(epoch)).saturating_add(1))
    }

    /// The low half, which wraps after 49 days.
    #[expect(clippy::cast_possible_truncation, reason = "the low half is what is asked for")]
    pub(crate) const fn stamp(self) -> u32 {
        self.0 as u32
    }

    /// The first whole millisecond that is so much later.
    pub(crate) fn after(self, wait: Duration) -> Self {
        let nanos = wait.subsec_nanos() % 1_000_000;
        Self(self.0.saturating_add(millis(wait)).saturating_add(u64::from(nanos != 0)))
    }

    pub(crate) const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
