//! Where records outlive the process, or are shared with others.

mod codec;
mod error;

#[cfg(any(feature = "redb", feature = "redis"))]
mod clock;
#[cfg(any(feature = "redb", feature = "redis"))]
mod end;
#[cfg(feature = "redb")]
pub(crate) mod record;
#[cfg(any(feature = "redb", feature = "redis"))]
mod written;

#[cfg(feature = "redb")]
pub(crate) mod redb;
#[cfg(feature = "redis")]
pub(crate) mod redis;

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    time::{Duration, SystemTime},
};

use mainstay_fault::Fault;

use crate::Fingerprint;

pub use codec::{Codec, Json};
pub use error::StoreError;

/// Keeps records where they outlive the process, or where other processes see them, behind a
/// [`Memory`](crate::Memory): see [`Memory::backed_by`](crate::Memory::backed_by).
///
/// Within a process only one execution for each key is under way, and what it answered is found in memory; a store is asked by
/// new keys alone, once before the execution and once after it.
///
/// # Examples
///
/// [`Redb`](crate::Redb) is one on a file, with the feature `redb`; [`RedisKeys`](crate::RedisKeys) one on a server, with the feature `redis`.
pub trait Store<T>: Send + Sync {
    /// Claims a key for an execution, or tells what is known of it. If another one has it, this waits for its end.
    ///
    /// # Cancel safety
    ///
    /// A claim whose future is dropped must not stay.
    fn claim(&self, asked: Asked) -> StoreFuture<Claimed<T>>;

    /// Ends it: resolves when all is written, and claims nothing from then on. By default it does nothing.
    fn close(&self) -> StoreFuture<()> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// A claim that was granted: the right to run under a key. Dropped, it frees the key.
pub trait Hold<T>: Send {
    /// Keeps how the execution ended. When this resolves, it is kept whatever befalls the process.
    fn keep(self: Box<Self>, kept: &Kept<T>) -> StoreFuture<()>;
}

/// What a [`Store`] is doing.
pub type StoreFuture<T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send>>;

/// What a [`Store`] is asked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Asked {
    /// The key.
    pub key: Arc<str>,
    /// What the request asks for.
    pub fingerprint: Fingerprint,
    /// How long the record is to stay.
    pub ttl: Duration,
    /// Whether an execution of which nobody knows what came may be followed by another one.
    pub retry_unknown: bool,
}

/// What a [`Store`] says to a claim.
#[non_exhaustive]
pub enum Claimed<T> {
    /// Run it.
    Run(Box<dyn Hold<T>>),
    /// It has ended, so long ago.
    Ended(Kept<T>, Duration),
    /// The key was used for another request.
    Conflict,
    /// An execution began then, and was cut off.
    Unknown(SystemTime),
    /// There is no room for another key.
    Full,
}

/// How an execution ended, as it is kept.
#[derive(Clone, Debug)]
pub enum Kept<T> {
    /// With an answer.
    Answered(T),
    /// With a fault, which is only kept if so configured.
    Failed(Fault),
}

// === impl Claimed ===

impl<T: fmt::Debug> fmt::Debug for Claimed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(_) => f.write_str("Run"),
            Self::Ended(kept, age) => f.debug_tuple("Ended").field(kept).field(age).finish(),
            Self::Conflict => f.write_str("Conflict"),
            Self::Unknown(began) => f.debug_tuple("Unknown").field(began).finish(),
            Self::Full => f.write_str("Full"),
        }
    }
}

// === impl Kept ===

impl<T> Kept<T> {
    /// Whether it ended because its caller had no more time, which others may have.
    pub(crate) fn is_out_of_time(&self) -> bool {
        matches!(self, Self::Failed(fault) if fault.past_deadline.is_some())
    }
}

// === impl Store ===

impl<T, S: Store<T> + ?Sized> Store<T> for Arc<S> {
    fn claim(&self, asked: Asked) -> StoreFuture<Claimed<T>> {
        (**self).claim(asked)
    }

    fn close(&self) -> StoreFuture<()> {
        (**self).close()
    }
}

// === impl Asked ===

impl Asked {
    /// Asks for a key, for a request, with a record of an hour.
    pub fn new(key: impl Into<Arc<str>>, fingerprint: Fingerprint) -> Self {
        Self { key: key.into(), fingerprint, ttl: Duration::from_secs(3_600), retry_unknown: false }
    }
}
