use std::time::Duration;

use crate::{InvalidLimit, limits::MINUTE, price::Price};

/// How fast a bucket refills: tokens per time.
///
/// Kept as the time that one token takes, in 1/65,536 ns, rounded up: a bucket is never faster than asked, and slower by
/// less than 0.02 % at the fastest rate (10 tokens a nanosecond), by less than a millionth at a million tokens a second.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use mainstay_bucket::Rate;
///
/// let rate = Rate::per_minute(90_000.0)?;
/// assert_eq!(rate, Rate::new(90_000, Duration::from_secs(60))?);
/// assert!((rate.tokens_per_second() - 1_500.0).abs() < 0.001);
/// # Ok::<_, mainstay_bucket::InvalidLimit>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    price: Price,
}

// === impl Rate ===

impl Rate {
    /// Sets so many tokens in so much time.
    ///
    /// # Errors
    ///
    /// When that is less than one token a day or more than 1e10 tokens a second; so also when either is zero.
    pub fn new(tokens: u64, per: Duration) -> Result<Self, InvalidLimit> {
        Price::of(tokens, per)
            .map(|price| Self { price })
            .ok_or_else(|| InvalidLimit::new("rate", Self::MUST, format_args!("{tokens} tokens in {per:?}")))
    }

    /// Sets a number of tokens a second.
    ///
    /// # Errors
    ///
    /// When it is not between one token a day and 1e10 tokens a second, infinite, or not a number.
    pub fn per_second(tokens: f64) -> Result<Self, InvalidLimit> {
        Price::per_second(tokens)
            .map(|price| Self { price })
            .ok_or_else(|| InvalidLimit::new("rate", Self::MUST, format_args!("{tokens} tokens a second")))
    }

    /// Sets a number of tokens a minute.
    ///
    /// # Errors
    ///
    /// As [`per_second`](Self::per_second), for a sixtieth of it.
    pub fn per_minute(tokens: f64) -> Result<Self, InvalidLimit> {
        Self::per_second(tokens / 60.0)
    }

    /// What a field sets a minute.
    pub(crate) fn of_minute(field: &'static str, tokens: u64) -> Result<Self, InvalidLimit> {
        let must = "at least one, and at most 1e10 a second";
        Self::new(tokens, MINUTE).map_err(|_| InvalidLimit::new(field, must, tokens))
    }

    /// Returns the rate in tokens a second.
    pub fn tokens_per_second(self) -> f64 {
        self.price.tokens_per_second()
    }

    const MUST: &'static str = "between one token a day and 1e10 tokens a second";

    pub(crate) const fn from_price(price: Price) -> Self {
        Self { price }
    }

    pub(crate) const fn price(self) -> Price {
        self.price
    }
}
