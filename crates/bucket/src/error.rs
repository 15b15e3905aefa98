use std::{fmt, time::Duration};

use thiserror::Error;

/// A limit that makes no sense: names the field, the value that it was given, and what it must be.
///
/// # Examples
///
/// ```
/// use mainstay_bucket::Rate;
///
/// let error = Rate::per_second(f64::NAN).unwrap_err();
/// assert_eq!(error.to_string(), "rate must be between one token a day and 1e10 tokens a second, not NaN tokens a second");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{field} must be {must}, not {value}")]
pub struct InvalidLimit {
    field: &'static str,
    must: &'static str,
    value: String,
}

/// More tokens were asked for than the bucket ever holds: no wait would help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{wanted} tokens were asked for, and the bucket holds {capacity} at most")]
pub struct TooLarge {
    /// The tokens asked for.
    pub wanted: u64,
    /// The tokens that the bucket holds when it is full.
    pub capacity: u64,
}

/// Why [`TokenBucket::try_acquire`](crate::TokenBucket::try_acquire) took nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TryAcquireError {
    /// The tokens are not there now, or others wait for theirs.
    #[error("no tokens for {}", InWords(*.0))]
    NotYet(Duration),
    /// The tokens will never be there.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
}

/// A key is new, and as many are known as may be, all in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{most} keys are in use, which is as many as may be")]
pub struct TooManyKeys {
    /// How many keys are known at once, at the most.
    pub most: usize,
}

/// A wait in words, also one without an end in sight.
struct InWords(Duration);

// === impl InvalidLimit ===

impl InvalidLimit {
    pub(crate) fn new(field: &'static str, must: &'static str, value: impl fmt::Display) -> Self {
        Self { field, must, value: value.to_string() }
    }

    /// The field that was given a wrong value.
    pub fn field(&self) -> &'static str {
        self.field
    }
}

// === impl TryAcquireError ===

impl TryAcquireError {
    /// After what wait the same call would be served, if nobody else comes in between; `None` if never.
    pub const fn wait(&self) -> Option<Duration> {
        match self {
            Self::NotYet(wait) => Some(*wait),
            Self::TooLarge(_) => None,
        }
    }
}

// === impl InWords ===

impl fmt::Display for InWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Duration::MAX => f.write_str("an unknown time"),
            wait => write!(f, "another {wait:?}"),
        }
    }
}
