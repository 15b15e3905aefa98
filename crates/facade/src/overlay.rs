//! What is set in code, beside a configuration.

use std::{collections::BTreeMap, time::Duration};

use crate::{BackendConfig, BudgetConfig, Config, Preset, RouteConfig, parts::Parts};

/// What is set in code. It counts before what a configuration says, also one that is read later.
#[derive(Clone, Default)]
pub(crate) struct Overlay {
    pub(crate) preset: Option<Preset>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) attempt_timeout: Option<Duration>,
    pub(crate) first_token_timeout: Option<Duration>,
    pub(crate) between_tokens_timeout: Option<Duration>,
    pub(crate) max_wait: Option<Duration>,
    /// How long keys are kept, and how many.
    pub(crate) idempotency: Option<(Duration, usize)>,
    #[cfg(feature = "redis")]
    pub(crate) redis: Option<String>,
    #[cfg(feature = "redis")]
    pub(crate) shares: crate::shares::Shares,
    pub(crate) budget: Option<BudgetConfig>,
    pub(crate) default_route: Option<String>,
    pub(crate) routes: BTreeMap<String, RouteConfig>,
    pub(crate) parts: Parts,
}

// === impl Overlay ===

impl Overlay {
    /// Sets a preset, before which nothing counts that was set before.
    pub(crate) fn set_preset(&mut self, preset: Preset) {
        self.preset = Some(preset);
        self.deadline = None;
        self.attempt_timeout = None;
        self.first_token_timeout = None;
        self.between_tokens_timeout = None;
        self.max_wait = None;
        self.parts.retry = None;
    }

    /// Puts it over a configuration.
    pub(crate) fn onto(&self, mut config: Config) -> Config {
        if let Some(preset) = self.preset {
            preset.set(&mut config);
        }
        put(&mut config.deadline, self.deadline);
        put(&mut config.attempt_timeout, self.attempt_timeout);
        put(&mut config.first_token_timeout, self.first_token_timeout);
        put(&mut config.between_tokens_timeout, self.between_tokens_timeout);
        put(&mut config.max_wait, self.max_wait);
        if let Some((ttl, capacity)) = self.idempotency {
            let keys = config.idempotency.get_or_insert_default();
            (keys.ttl, keys.capacity) = (ttl, capacity);
        }
        #[cfg(feature = "redis")]
        self.share(&mut config);
        config.budget = self.budget.clone().or(config.budget);
        config.default_route = self.default_route.clone().or(config.default_route);
        config.routes.extend(self.routes.clone());
        for name in self.parts.clients.keys() {
            config.backends.entry(name.clone()).or_insert_with(BackendConfig::of_openai);
        }
        config
    }

    #[cfg(feature = "redis")]
    fn share(&self, config: &mut Config) {
        if let Some(url) = &self.redis {
            config.redis_url = Some(crate::KeySource::Insecure(url.clone()));
            config.redis_local_share = self.shares.local_share;
        }
        config.redis_timeout = self.shares.timeout.or(config.redis_timeout);
        config.redis_prefix = self.shares.prefix.clone().or(config.redis_prefix.take());
        config.redis_ca_file = self.shares.ca_file.clone().or(config.redis_ca_file.take());
    }
}

fn put<T>(setting: &mut T, set: Option<T>) {
    if let Some(set) = set {
        *setting = set;
    }
}
