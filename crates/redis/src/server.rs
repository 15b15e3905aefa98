use std::{fmt, sync::Arc, time::Duration};

use redis::{FromRedisValue, RedisResult, ScriptInvocation};

use crate::{Away, circuit::Circuit, link::Link, tls};

/// A server, or a cluster, behind a circuit: [the crate's page](crate) says how it behaves while it is away.
///
/// # Clone
///
/// Cheap; clones share the connection and the circuit.
#[derive(Clone)]
pub struct Redis {
    link: Arc<Link>,
    circuit: Arc<Circuit>,
    timeout: Duration,
    retry_every: Duration,
}

// === impl Redis ===

impl Redis {
    /// Uses one server, as `redis://host:port/`, or by an encrypted way, as `rediss://host:port/` (feature `tls`). It need not be there
    /// yet.
    ///
    /// Encrypted, it must show a certificate for its name which the system's roots have signed (or those in the file that the variable
    /// `SSL_CERT_FILE` names); for other roots see [`open_trusting`](Self::open_trusting). A server with another one is
    /// [`Away::Failed`].
    ///
    /// # Errors
    ///
    /// The address is none; it asks for TLS without the feature `tls`; or for TLS that trusts anybody (`#insecure`).
    pub fn open(url: &str) -> RedisResult<Self> {
        Link::single(url).map(Self::new)
    }

    /// Uses a cluster, of which some nodes are named. They need not be there yet.
    ///
    /// All nodes are behind one circuit.
    ///
    /// # Errors
    ///
    /// As of [`open`](Self::open); or there is no address at all.
    pub fn cluster<'a>(urls: impl IntoIterator<Item = &'a str>) -> RedisResult<Self> {
        Link::cluster(urls).map(Self::new)
    }

    /// Uses one server by an encrypted way, which shows a certificate that one of these roots has signed (PEM), instead of the system's.
    ///
    /// # Errors
    ///
    /// The address is none, or does not ask for TLS (`rediss://`); or there is no certificate among the roots.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use mainstay_redis::Redis;
    ///
    /// let roots = std::fs::read("/etc/ssl/our-redis.pem")?;
    /// let redis = Redis::open_trusting("rediss://:secret@cache.internal:6380/", &roots)?;
    /// # let _ = redis;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "tls")]
    pub fn open_trusting(url: &str, roots: &[u8]) -> RedisResult<Self> {
        Link::single_trusting(url, roots).map(Self::new)
    }

    /// Uses a cluster, as [`cluster`](Self::cluster), by encrypted ways, as [`open_trusting`](Self::open_trusting).
    ///
    /// # Errors
    ///
    /// An address is none, or does not ask for TLS; there is none at all; or there is no certificate among the roots.
    #[cfg(feature = "tls")]
    pub fn cluster_trusting<'a>(urls: impl IntoIterator<Item = &'a str>, roots: &[u8]) -> RedisResult<Self> {
        Link::cluster_trusting(urls, roots).map(Self::new)
    }

    /// Tells whether an address asks for TLS (`rediss://`), for which the feature `tls` is needed.
    pub fn encrypts(url: &str) -> bool {
        tls::is_asked_for(url)
    }

    fn new(link: Link) -> Self {
        Self {
            link: Arc::new(link),
            circuit: Arc::default(),
            timeout: Duration::from_millis(250),
            retry_every: Duration::from_secs(1),
        }
    }

    /// Sets how long an answer may take, the connection included: 250 ms by default. Where connecting takes longer, it goes on, and
    /// whoever asks next finds it made: for a second, or this time if it is longer.
    #[must_use]
    pub const fn timeout(mut self, time: Duration) -> Self {
        self.timeout = time;
        self
    }

    /// Sets how long the server is left alone after it did not answer: 1 s by default.
    #[must_use]
    pub const fn retry_every(mut self, time: Duration) -> Self {
        self.retry_every = time;
        self
    }

    /// After how long it is asked again when it is away.
    pub const fn asked_again_after(&self) -> Duration {
        self.retry_every
    }

    /// Tells whether it is left alone now, since it did not answer.
    pub fn is_away(&self) -> bool {
        self.circuit.is_open()
    }

    /// Runs a script, unless the server is left alone now, and waits for the answer no longer than the timeout.
    ///
    /// Where the connection is found broken, it is made anew and the script sent once more (in a cluster, twice), so scripts must bear to
    /// run again. After an answer that did not come, the next one who asks connects anew.
    ///
    /// # Errors
    ///
    /// [`Away`]; also where the script itself fails, which opens no circuit.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it may have run or not.
    pub async fn run<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, Away> {
        if !self.circuit.admits(self.retry_every) {
            return Err(Away::LeftAlone);
        }
        let answer = self.link.run(script, self.timeout).await;
        match &answer {
            Ok(_) => self.circuit.close(),
            Err(refused @ Away::Refused(_)) => {
                self.circuit.close();
                tell(refused, "Redis refused what it was asked");
            }
            Err(away) => {
                self.circuit.open(self.retry_every);
                tell(away, "Redis is away");
            }
        }
        answer
    }
}

fn tell(away: &Away, what: &'static str) {
    let cause = std::error::Error::source(away).map(ToString::to_string);
    tracing::warn!(error = %away, cause, "{what}");
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address may hold a password.
        f.debug_struct("Redis")
            .field("timeout", &self.timeout)
            .field("retry_every", &self.retry_every)
            .field("away", &self.is_away())
            .finish_non_exhaustive()
    }
}
