use std::time::Duration;

use tokio::time::Instant;

/// How long a call may wait for its turn, and in how long a line.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use mainstay_bucket::Patience;
///
/// let patience = Patience::new(Duration::from_secs(5)).waiters(100);
/// assert_eq!(patience.wait, Duration::from_secs(5));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Patience {
    /// The longest wait.
    pub wait: Duration,
    /// The most that may stand in one line.
    pub waiters: usize,
}

// === impl Patience ===

impl Patience {
    pub(crate) const ENDLESS: Self = Self::new(Duration::MAX);

    /// Waits so long, in a line of any length.
    pub const fn new(wait: Duration) -> Self {
        Self { wait, waiters: usize::MAX }
    }

    /// Sets the most that may stand in one line.
    #[must_use]
    pub const fn waiters(mut self, waiters: usize) -> Self {
        self.waiters = waiters;
        self
    }

    /// Waits no longer than until an instant.
    #[must_use]
    pub fn until(mut self, instant: Instant) -> Self {
        self.wait = self.wait.min(instant.saturating_duration_since(Instant::now()));
        self
    }
}
