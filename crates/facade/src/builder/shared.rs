//! What a stack of one backend shares with other processes.

#[cfg(feature = "redis-tls")]
use std::path::PathBuf;
use std::time::Duration;

use super::Builder;

// === impl Builder ===

impl Builder {
    /// Shares the [`limits`](Self::limits) that are set and the [`idempotency`](Self::idempotency) keys with all processes and machines
    /// that name the same Redis or Valkey server, as `redis://host:6379/`, or by an encrypted way, as `rediss://host:6379/`
    /// (feature `redis-tls`). It is connected when it is first needed.
    ///
    /// Keys are shared by whole answers only: a stream with a key runs once in each process.
    ///
    /// While the server is away, calls with idempotency keys are refused; calls to models with limits are too, or, with a local share (more than 0, at
    /// most 1), kept to that part of the limits by this process alone.
    pub fn redis_url(mut self, url: impl Into<String>, local_share: impl Into<Option<f64>>) -> Self {
        self.overlay.redis = Some(url.into());
        self.overlay.shares.local_share = local_share.into();
        self
    }

    /// Sets how long [Redis](Self::redis_url) may take to answer before it counts as away: 250 ms by default.
    pub fn redis_timeout(mut self, limit: Duration) -> Self {
        self.overlay.shares.timeout = Some(limit);
        self
    }

    /// Sets what stands before each key on the [Redis](Self::redis_url) server, `mainstay:` by default: applications that are to share
    /// nothing on one server have prefixes of their own.
    pub fn redis_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.overlay.shares.prefix = Some(prefix.into());
        self
    }

    /// Sets the file of the certificates (PEM) one of which must have signed that of a `rediss://` [Redis](Self::redis_url) server:
    /// the system's by default. It is read when the stack is built.
    #[cfg(feature = "redis-tls")]
    pub fn redis_ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.overlay.shares.ca_file = Some(path.into());
        self
    }
}
