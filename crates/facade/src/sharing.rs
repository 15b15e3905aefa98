//! What processes and machines share, if a Redis server is named.

use std::sync::Arc;

use mainstay_bucket::{
    Limits,
    redis::{Redis, RedisLimits, SharedLimits, WhenAway},
};
use mainstay_idempotency::{RedisKeys, Store};

use crate::{BuildError, Config, ConfigError, Served, ServedCodec, config::Spot};

/// The server, and what becomes of limits while it is away.
#[derive(Clone, Debug)]
pub(crate) struct Sharing {
    redis: Redis,
    when_away: WhenAway,
}

// === impl Sharing ===

impl Sharing {
    /// Shares by the server that a configuration names.
    pub(crate) fn of(config: &Config) -> Result<Option<Self>, BuildError> {
        let Some(source) = &config.redis_url else { return Ok(None) };
        let invalid = |why| ConfigError::invalid(Spot::default().key("redis_url").invalid(why));
        let url = source.read_text().map_err(|wrong| invalid(format!("cannot be read: {wrong}")))?;
        let sharing = Self::by(&url, config.redis_local_share);
        Ok(Some(sharing?))
    }

    /// Shares by a server. What is wrong with its address is told without it: it may hold a password.
    pub(crate) fn by(url: &str, local_share: Option<f64>) -> Result<Self, ConfigError> {
        let wrong = |_| {
            let why = "is no address of a Redis server, as redis://host:6379/";
            ConfigError::invalid(Spot::default().key("redis_url").invalid(why))
        };
        let redis = Redis::open(url).map_err(wrong)?;
        Ok(Self { redis, when_away: local_share.map_or(WhenAway::Fail, WhenAway::LocalShare) })
    }

    /// The limits that all processes share which use the name.
    pub(crate) fn limits(
        &self,
        name: impl Into<String>,
        limits: &Limits,
    ) -> Result<RedisLimits, mainstay_bucket::InvalidLimit> {
        let shared = SharedLimits::like(name, limits).when_away(self.when_away)?;
        Ok(shared.on(self.redis.clone()))
    }

    /// The keys that all processes share.
    pub(crate) fn store(&self) -> Arc<dyn Store<Served>> {
        Arc::new(RedisKeys::on(self.redis.clone()).codec(ServedCodec))
    }
}
