use std::time::Duration;

use redis::RedisError;

/// The server cannot be asked, or did not answer, or refused what it was asked.
///
/// What it was asked may have been done all the same, unless it was [`LeftAlone`](Self::LeftAlone).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Away {
    /// It did not answer lately, and was not asked.
    #[error("the Redis server did not answer lately, and is left alone for now")]
    LeftAlone,
    /// It did not answer in time.
    #[error("the Redis server did not answer within {0:?}")]
    Silent(Duration),
    /// It cannot be reached, or serves nobody now: it loads its data, has lost its master or its memory is full.
    #[error("the Redis server cannot be asked")]
    Failed(#[source] RedisError),
    /// It is there, and answered this question with an error, or with something of another type than was asked for: a key holds something
    /// else, or the script failed. Others are served.
    #[error("the Redis server refused what it was asked")]
    Refused(#[source] RedisError),
}

// === impl Away ===

impl Away {
    /// Tells whether the same question may be answered later: not where it was [`Refused`](Self::Refused).
    pub const fn comes_back(&self) -> bool {
        !matches!(self, Self::Refused(_))
    }
}
