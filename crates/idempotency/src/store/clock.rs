use std::time::Duration;
#[cfg(feature = "redb")]
use std::time::{SystemTime, UNIX_EPOCH};

#[cfg(feature = "redb")]
use tokio::time::Instant;

/// The time of day, which other processes share: read once, and counted on from there by tokio's clock, so that nobody who sets
/// the machine's clock changes the age of a record under way.
#[cfg(feature = "redb")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    began: Duration,
    since: Instant,
}

// === impl Clock ===

#[cfg(feature = "redb")]
impl Clock {
    #[allow(clippy::disallowed_methods, reason = "records of earlier processes have no other clock")]
    pub(crate) fn start() -> Self {
        let began = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { began, since: Instant::now() }
    }

    /// Milliseconds since 1970.
    pub(crate) fn now(&self) -> u64 {
        millis(self.began + self.since.elapsed())
    }
}

/// A duration in milliseconds: 35,000 years at most, so that a server that counts in floating point, or adds it to the time of day, takes it.
pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).min(1 << 50)
}
