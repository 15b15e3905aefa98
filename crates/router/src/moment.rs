use std::{sync::LazyLock, time::Duration};

use tokio::time::Instant;

/// A moment in milliseconds since the program began: it fits into a word with other things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) u64);

/// Before all clocks, also those of tests that were paused before this was asked for.
#[expect(clippy::disallowed_types, reason = "a paused clock may be far ahead of others")]
static EPOCH: LazyLock<Instant> = LazyLock::new(|| {
    let now = Instant::from_std(std::time::Instant::now());
    now.checked_sub(Duration::from_secs(3_600)).unwrap_or(now)
});

/// A moment in nanoseconds, for what is measured: it lasts for 584 years.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tick(u64);

// === impl Tick ===

impl Tick {
    #[inline]
    pub(crate) fn now() -> Self {
        let since = Instant::now().saturating_duration_since(*EPOCH);
        Self(since.as_secs() * 1_000_000_000 + u64::from(since.subsec_nanos()))
    }

    #[inline]
    pub(crate) const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    #[inline]
    pub(crate) const fn moment(self) -> Moment {
        Moment((self.0 / 1_000_000).saturating_add(1))
    }
}

// === impl Moment ===

impl Moment {
    /// Counted from 1, so that 0 can mean never.
    pub(crate) fn now() -> Self {
        Tick::now().moment()
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
    duration.as_secs().saturating_mul(1_000).saturating_add(duration.subsec_millis().into())
}
