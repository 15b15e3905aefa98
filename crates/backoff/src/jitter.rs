use std::time::Duration;

use crate::{
    InvalidBackoff, decorrelated,
    span::{Span, scale},
};

/// How the delays of a [`Backoff`](crate::Backoff) are spread, so that callers who failed together do not come back
/// together.
///
/// | jitter | a delay `d` is drawn from | for |
/// |---|---|---|
/// | `None` | `d` | tests |
/// | `Full` | `0 ..= d` | the least work for a server that is overloaded |
/// | `Equal` | `d / 2 ..= d` | never too early |
/// | `Proportional` | `low × d ..= high × d`, by default 0.5 to 1.5 | the same mean as without |
/// | `Decorrelated` | `first ..= 3 × last` | growth that differs between callers |
///
/// The cap is a promise, jitter included: where a span would cross it, the span ends there. The draws are still
/// spread over what is left of it, so that callers do not fall into step at the cap.
///
/// Source: Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use mainstay_backoff::{Jitter, Proportional, RetryPolicy};
///
/// let calm = RetryPolicy::default().jitter(Jitter::Full);
/// let narrow = RetryPolicy::default().jitter(Proportional::new(0.9, 1.1)?);
/// # Ok::<_, mainstay_backoff::InvalidBackoff>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Jitter {
    /// The delay as it is.
    None,
    /// Anything up to the delay.
    Full,
    /// Between half the delay and the delay.
    Equal,
    /// Around the delay, between two multiples of it.
    Proportional(Proportional),
    /// Between the first delay and three times the last one, whatever the backoff says in between.
    Decorrelated,
}

/// The two multiples of a delay between which [`Jitter::Proportional`] draws: 0.5 and 1.5 unless set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Proportional {
    low: f64,
    high: f64,
}

// === impl Jitter ===

impl Jitter {
    /// The span that the next delay is drawn from, given the backoff's delay, its first one, and the last draw.
    pub(crate) fn span(self, delay: Duration, first: Duration, last: Duration) -> Span {
        match self {
            Self::None => Span { low: delay, high: delay },
            Self::Full => Span { low: Duration::ZERO, high: delay },
            Self::Equal => Span { low: delay / 2, high: delay },
            Self::Proportional(Proportional { low, high }) => {
                Span { low: scale(delay, low), high: scale(delay, high) }
            }
            Self::Decorrelated => decorrelated::span(first, last),
        }
    }
}

impl Default for Jitter {
    fn default() -> Self {
        Self::Proportional(Proportional::default())
    }
}

// === impl Proportional ===

impl Proportional {
    /// Creates the jitter from its two multiples.
    ///
    /// # Errors
    ///
    /// If `low` is not a finite number of at least 0, or `high` not one of at least `low`.
    pub fn new(low: f64, high: f64) -> Result<Self, InvalidBackoff> {
        let (low_holds, high_holds) = (low.is_finite() && low >= 0.0, high.is_finite() && high >= low);
        InvalidBackoff::unless(low_holds, "low", low, "finite and at least 0")?;
        InvalidBackoff::unless(high_holds, "high", high, "finite and at least low")?;
        Ok(Self { low, high })
    }
}

impl Default for Proportional {
    fn default() -> Self {
        Self { low: 0.5, high: 1.5 }
    }
}

impl From<Proportional> for Jitter {
    fn from(proportional: Proportional) -> Self {
        Self::Proportional(proportional)
    }
}
