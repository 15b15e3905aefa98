use std::time::Duration;

use fastrand::Rng;

use crate::{InvalidBackoff, span::Span};

/// Delays drawn between the base and three times the last one, up to a cap.
///
/// They grow about as fast as an exponential backoff does, and no two callers share them. Source: Marc Brooker,
/// "Exponential Backoff And Jitter", AWS Architecture Blog, 2015. It brings its own chance, so it needs no
/// [`Jitter`](crate::Jitter) on top.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use mainstay_backoff::{Decorrelated, Jitter, RetryPolicy};
///
/// let backoff = Decorrelated::new(Duration::from_millis(100), Duration::from_secs(10))?;
/// let policy = RetryPolicy::default().backoff(backoff.clone()).jitter(Jitter::None);
///
/// assert!(backoff.into_iter().take(100).all(|delay| delay <= Duration::from_secs(10)));
/// # Ok::<_, mainstay_backoff::InvalidBackoff>(())
/// ```
#[derive(Clone, Debug)]
pub struct Decorrelated {
    base: Duration,
    cap: Duration,
    seed: Option<u64>,
}

/// The delays of a [`Decorrelated`] backoff: without end, never below the base, never above the cap.
#[derive(Clone, Debug)]
pub struct DecorrelatedDelays {
    base: Duration,
    cap: Duration,
    last: Duration,
    rng: Rng,
}

// === impl Decorrelated ===

impl Decorrelated {
    /// Creates a backoff from its shortest and its longest delay.
    ///
    /// # Errors
    ///
    /// If `cap` is less than `base`.
    pub fn new(base: Duration, cap: Duration) -> Result<Self, InvalidBackoff> {
        InvalidBackoff::unless(cap >= base, "cap", cap, "at least the base")?;
        Ok(Self { base, cap, seed: None })
    }

    /// Makes every sequence the same one.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }
}

impl IntoIterator for Decorrelated {
    type Item = Duration;
    type IntoIter = DecorrelatedDelays;

    fn into_iter(self) -> DecorrelatedDelays {
        let rng = self.seed.map_or_else(Rng::new, Rng::with_seed);
        DecorrelatedDelays { base: self.base, cap: self.cap, last: self.base, rng }
    }
}

// === impl DecorrelatedDelays ===

impl Iterator for DecorrelatedDelays {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.last = span(self.base, self.last).below(self.cap).draw(&mut self.rng);
        Some(self.last)
    }
}

/// The span that the next delay is drawn from.
pub(crate) fn span(base: Duration, last: Duration) -> Span {
    Span { low: base, high: last.saturating_mul(3).max(base) }
}
