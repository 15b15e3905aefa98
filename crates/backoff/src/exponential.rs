use std::time::Duration;

use crate::InvalidBackoff;

/// Delays that grow by a factor, up to a cap: `min(base × factor^n, cap)`.
///
/// By default 1 s, then twice as much each time, up to 60 s.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use mainstay_backoff::Exponential;
///
/// let backoff = Exponential::new(Duration::from_millis(100), 3.0, Duration::from_secs(1))?;
/// let delays: Vec<u128> = backoff.into_iter().take(4).map(|delay| delay.as_millis()).collect();
/// assert_eq!(delays, [100, 300, 900, 1000]);
/// # Ok::<_, mainstay_backoff::InvalidBackoff>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exponential {
    base: Duration,
    factor: f64,
    cap: Duration,
}

/// The delays of an [`Exponential`] backoff: without end, never falling, never above the cap.
#[derive(Clone, Debug)]
pub struct ExponentialDelays {
    next: Duration,
    settings: Exponential,
}

// === impl Exponential ===

impl Exponential {
    /// Creates a backoff from its first delay, the factor by which each next one grows, and the longest.
    ///
    /// # Errors
    ///
    /// If `factor` is not a finite number of at least 1, or `cap` is less than `base`.
    pub fn new(base: Duration, factor: f64, cap: Duration) -> Result<Self, InvalidBackoff> {
        let grows = factor.is_finite() && factor >= 1.0;
        InvalidBackoff::unless(grows, "factor", factor, "finite and at least 1")?;
        InvalidBackoff::unless(cap >= base, "cap", cap, "at least the base")?;
        Ok(Self { base, factor, cap })
    }
}

impl Default for Exponential {
    fn default() -> Self {
        Self { base: Duration::from_secs(1), factor: 2.0, cap: Duration::from_secs(60) }
    }
}

impl IntoIterator for Exponential {
    type Item = Duration;
    type IntoIter = ExponentialDelays;

    fn into_iter(self) -> ExponentialDelays {
        ExponentialDelays { next: self.base, settings: self }
    }
}

// === impl ExponentialDelays ===

impl Iterator for ExponentialDelays {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let Exponential { factor, cap, .. } = self.settings;
        let delay = self.next;
        let grown = Duration::try_from_secs_f64(delay.as_secs_f64() * factor).unwrap_or(cap);
        // Rounding to seconds in floating point must not make a delay shorter than the last.
        self.next = grown.max(delay).min(cap);
        Some(delay)
    }
}
