use std::time::Duration;

use fastrand::Rng;

/// A span of delays, of which one is drawn: both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) low: Duration,
    pub(crate) high: Duration,
}

// === impl Span ===

impl Span {
    /// Cuts off what is above the cap. The span is cut and not the draw, so that draws do not pile up at the cap.
    pub(crate) fn below(self, cap: Duration) -> Self {
        Self { low: self.low.min(cap), high: self.high.min(cap) }
    }

    /// Draws a delay, all equally likely.
    pub(crate) fn draw(self, rng: &mut Rng) -> Duration {
        if self.low >= self.high {
            return self.low;
        }
        let nanos = rng.u128(self.low.as_nanos()..=self.high.as_nanos());
        let seconds = u64::try_from(nanos / 1_000_000_000).unwrap_or(u64::MAX);
        Duration::new(seconds, u32::try_from(nanos % 1_000_000_000).unwrap_or(0))
    }
}

/// Multiplies a delay by a factor of at least 0; what is too long for a `Duration` is the longest one.
pub(crate) fn scale(delay: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(delay.as_secs_f64() * factor).unwrap_or(Duration::MAX)
}
