//! What processes and machines share, if a Redis server is named.

use std::{path::Path, sync::Arc};

use mainstay_bucket::{
    Limits,
    redis::{Redis, RedisLimits, SharedLimits, WhenAway},
};
use mainstay_idempotency::{RedisKeys, Store};

use crate::{BuildError, Config, ConfigError, Served, ServedCodec, config::Spot, shares::Shares};

/// The server, and what becomes of limits while it is away.
#[derive(Clone, Debug)]
pub(crate) struct Sharing {
    redis: Redis,
    when_away: WhenAway,
    prefix: String,
}

// === impl Sharing ===

impl Sharing {
    /// Shares by the server that a configuration names.
    pub(crate) fn of(config: &Config) -> Result<Option<Self>, BuildError> {
        let Some(source) = &config.redis_url else { return Ok(None) };
        let invalid = |why| ConfigError::invalid(Spot::default().key("redis_url").invalid(why));
        let url = source.read_text().map_err(|wrong| invalid(format!("cannot be read: {wrong}")))?;
        Ok(Some(Self::by(&url, &Shares::of(config))?))
    }

    /// Shares by a server.
    pub(crate) fn by(url: &str, shares: &Shares) -> Result<Self, ConfigError> {
        let redis = open(url, shares.ca_file.as_deref())?;
        Ok(Self {
            redis: shares.timeout.map_or(redis.clone(), |limit| redis.timeout(limit)),
            when_away: shares.local_share.map_or(WhenAway::Fail, WhenAway::LocalShare),
            prefix: shares.prefix.clone().unwrap_or_else(|| "mainstay:".to_owned()),
        })
    }

    /// The limits that all processes share which use the name, and this process's own, which learn what the server says.
    pub(crate) fn limits(
        &self,
        name: impl Into<String>,
        set: &Limits,
        own: Arc<Limits>,
    ) -> Result<RedisLimits, mainstay_bucket::InvalidLimit> {
        let shared = SharedLimits::like(name, set).prefix(&self.prefix).when_away(self.when_away)?;
        Ok(shared.within(own).on(self.redis.clone()))
    }

    /// The keys that all processes share.
    pub(crate) fn store(&self) -> Arc<dyn Store<Served>> {
        let keys = RedisKeys::on(self.redis.clone()).prefix(format!("{}key:", self.prefix));
        Arc::new(keys.codec(ServedCodec))
    }
}

/// Opens a server. What is wrong with its address is told without it: it may hold a password.
fn open(url: &str, ca_file: Option<&Path>) -> Result<Redis, ConfigError> {
    if Redis::encrypts(url) && cfg!(not(feature = "redis-tls")) {
        return Err(wrong("redis_url", "asks for TLS (rediss://), which needs the feature `redis-tls`"));
    }
    if url.ends_with("#insecure") {
        return Err(wrong("redis_url", "trusts whoever answers (#insecure): set redis_ca_file instead"));
    }
    match ca_file {
        Some(_) if !Redis::encrypts(url) => Err(wrong(
            "redis_ca_file",
            "says nothing: redis_url asks for no TLS, as rediss://host:6379/ does",
        )),
        #[cfg(feature = "redis-tls")]
        Some(path) => open_trusting(url, path),
        _ => Redis::open(url).map_err(|_| no_address()),
    }
}

#[cfg(feature = "redis-tls")]
fn open_trusting(url: &str, ca_file: &Path) -> Result<Redis, ConfigError> {
    let unreadable = |error| wrong("redis_ca_file", format!("cannot be read: {error}"));
    let roots = std::fs::read(ca_file).map_err(unreadable)?;
    Redis::open(url).map_err(|_| no_address())?;
    Redis::open_trusting(url, &roots)
        .map_err(|error| wrong("redis_ca_file", format!("holds no certificates to trust: {error}")))
}

fn no_address() -> ConfigError {
    wrong("redis_url", "is no address of a Redis server, as redis://host:6379/")
}

fn wrong(field: &str, why: impl Into<String>) -> ConfigError {
    ConfigError::invalid(Spot::default().key(field).invalid(why))
}
