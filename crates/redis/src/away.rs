use std::time::Duration;

use redis::RedisError;

/// The server cannot be asked, or did not answer.
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
    /// It cannot be reached, or answered with an error.
    #[error("the Redis server cannot be asked")]
    Failed(#[source] RedisError),
}
