use std::{fmt, time::Duration};

use quanta::Instant;

use crate::Clock;

/// The processor's own time-stamp counter, where it has a reliable one: a third of the cost of the system's clock.
///
/// It matters where takings read the clock: large ones, and those near the end of what is there. A paused clock of tokio's
/// does not drive it, so it is no clock for tests; and those who wait sleep on tokio's timers all the same.
///
/// [`Limits`](crate::Limits), [`KeyedBuckets`](crate::KeyedBuckets) and [`RateLimitLayer`](crate::RateLimitLayer) take tokio's clock only.
///
/// # Examples
///
/// ```
/// use mainstay_bucket::{FastClock, Rate, TokenBucket};
///
/// let bucket = TokenBucket::with_clock(90_000, Rate::per_minute(90_000.0)?, FastClock::new())?;
/// assert!(bucket.try_acquire(60_000).is_ok());
/// # Ok::<_, mainstay_bucket::InvalidLimit>(())
/// ```
#[derive(Clone)]
pub struct FastClock {
    clock: quanta::Clock,
    start: Instant,
}

// === impl FastClock ===

impl FastClock {
    /// Starts the clock now. The first in a program takes some milliseconds to calibrate.
    pub fn new() -> Self {
        let clock = quanta::Clock::new();
        let start = clock.now();
        Self { clock, start }
    }
}

impl Default for FastClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for FastClock {
    fn elapsed(&self) -> Duration {
        self.clock.now().saturating_duration_since(self.start)
    }
}

impl fmt::Debug for FastClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FastClock").finish_non_exhaustive()
    }
}
