use std::time::Duration;

use tokio::time::Instant;

/// Where a bucket reads the time.
///
/// A bucket needs only the time that has passed since some moment of the clock's own choosing: its start, the machine's, or
/// 1970. It reads its clock when it takes tokens from its one shared balance; most small takings are served from a stash
/// and read no clock at all, which is why the default, [`TokioClock`], is fast enough for production: see
/// [`TokenBucket`](crate::TokenBucket). Whoever waits sleeps on tokio's timers, whatever the clock.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use mainstay_bucket::{Clock, Rate, TokenBucket};
///
/// /// Stands still.
/// struct Noon;
///
/// impl Clock for Noon {
///     fn elapsed(&self) -> Duration { Duration::ZERO }
/// }
///
/// let bucket = TokenBucket::with_clock(2, Rate::per_second(1.0)?, Noon)?;
/// assert!(bucket.try_acquire(2).is_ok());
/// assert!(bucket.try_acquire(1).is_err());
/// # Ok::<_, mainstay_bucket::InvalidLimit>(())
/// ```
pub trait Clock {
    /// Returns the time that has passed since a fixed moment. It should never run backwards; where it does, the bucket
    /// behaves as if it had stood still.
    fn elapsed(&self) -> Duration;
}

/// Tokio's clock: a paused one drives it. The default.
///
/// Outside of tests it is the operating system's monotonic clock, at the cost of one read of it. It needs no runtime.
#[derive(Clone, Copy, Debug)]
pub struct TokioClock {
    start: Instant,
}

/// A clock that stands still, for a balance that only its users refill.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frozen;

// === impl TokioClock ===

impl TokioClock {
    /// Starts the clock now.
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for TokioClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TokioClock {
    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

// === impl Frozen ===

impl Clock for Frozen {
    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}
