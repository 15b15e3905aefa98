//! What contradicts itself, though each field by itself can be read.

mod strategy;
mod tier;
mod timeouts;
mod values;

use std::{collections::BTreeMap, time::Duration};

use self::values::{at_least_one, not_negative, some_time, unknown};
use super::{
    BackendConfig, BudgetConfig, Config, ContinuationConfig, HeaderSource, RetryConfig, RouteConfig, header,
    spot::{Invalid, Spot},
};

type Checked = Result<(), Invalid>;

// === impl Config ===

impl Config {
    pub(super) fn check(&self) -> Checked {
        let root = Spot::default();
        self.check_timeouts(&root)?;
        self.retry.check(&root.key("retry"))?;
        self.check_redis(&root)?;
        if let Some(budget) = &self.budget {
            budget.check(&root.key("budget"))?;
        }
        if let Some(continuation) = &self.continue_streams {
            continuation.check(&root.key("continue_streams"))?;
        }
        if let Some(idempotency) = &self.idempotency {
            let spot = root.key("idempotency");
            some_time(&spot.key("ttl"), idempotency.ttl)?;
            at_least_one(&spot.key("capacity"), Some(idempotency.capacity))?;
        }
        for (name, backend) in &self.backends {
            backend.check(&root.key("backends").key(name))?;
        }
        for (name, route) in &self.routes {
            route.check(&root.key("routes").key(name), self, name)?;
        }
        self.check_agreement()?;
        let names = self.names()?;
        match &self.default_route {
            Some(name) if !names.contains_key(name.as_str()) => {
                Err(root.key("default_route").invalid(unknown("route", name, names.keys().copied())))
            }
            _ => Ok(()),
        }
    }

    fn check_redis(&self, root: &Spot) -> Checked {
        let kept_twice = self.idempotency.as_ref().is_some_and(|keys| keys.path.is_some());
        let share = root.key("redis_local_share");
        match (&self.redis_url, self.redis_local_share) {
            (Some(_), _) if kept_twice => {
                let why = "and redis_url contradict each other: keys are kept in a file, or shared by Redis";
                Err(root.key("idempotency").key("path").invalid(why))
            }
            (Some(_), _) if cfg!(not(feature = "redis")) => {
                Err(root.key("redis_url").invalid("needs the feature `redis`"))
            }
            (Some(_), _) if self.redis_ca_file.is_some() && cfg!(not(feature = "redis-tls")) => {
                Err(root.key("redis_ca_file").invalid("needs the feature `redis-tls`"))
            }
            (None, _) => self.check_no_redis(root),
            (_, Some(part)) if !(part > 0.0 && part <= 1.0) => {
                Err(share.invalid(format!("is {part}; it must be more than 0 and at most 1")))
            }
            _ if self.redis_timeout.is_some_and(|limit| limit.is_zero()) => {
                Err(root.key("redis_timeout").invalid("is no time at all"))
            }
            _ => Ok(()),
        }
    }

    fn check_no_redis(&self, root: &Spot) -> Checked {
        let set = [
            ("redis_local_share", self.redis_local_share.is_some()),
            ("redis_timeout", self.redis_timeout.is_some()),
            ("redis_prefix", self.redis_prefix.is_some()),
            ("redis_ca_file", self.redis_ca_file.is_some()),
        ];
        match set.into_iter().find(|(_, set)| *set) {
            Some((field, _)) => Err(root.key(field).invalid("says nothing without redis_url")),
            None => Ok(()),
        }
    }

    /// The routes by all their names, none of which leads two ways.
    fn names(&self) -> Result<BTreeMap<&str, &str>, Invalid> {
        let mut names: BTreeMap<&str, &str> =
            self.routes.keys().map(|name| (name.as_str(), name.as_str())).collect();
        for (name, route) in &self.routes {
            for (at, alias) in route.aliases.iter().enumerate() {
                if let Some(other) = names.insert(alias, name) {
                    let spot = Spot::default().key("routes").key(name).key("aliases").index(at);
                    return Err(
                        spot.invalid(format!("is {alias:?}, which leads to the route {other:?} already"))
                    );
                }
            }
        }
        Ok(names)
    }
}

// === impl RouteConfig ===

impl RouteConfig {
    fn check(&self, spot: &Spot, config: &Config, name: &str) -> Checked {
        self.check_timeouts(spot, config)?;
        if let Some(retry) = &self.retry {
            retry.check(&spot.key("retry"))?;
        }
        if let Some(continuation) = &self.continue_streams {
            continuation.check(&spot.key("continue_streams"))?;
        }
        if let Some(budget) = &self.budget {
            budget.check(&spot.key("budget"))?;
        }
        let is_budgeted = self.budget.is_some() || config.budget.is_some();
        let spot = spot.key("tiers");
        if self.tiers.is_empty() {
            return Err(spot.invalid("is empty: a route needs at least one tier"));
        }
        let mut tiers = self.tiers.iter().enumerate();
        tiers.try_for_each(|(at, tier)| tier.check(&spot.index(at), config, (name, is_budgeted)))?;
        self.check_asked(&spot)
    }

    /// Refuses what stands below an answer and needs no model: models embed, and go on with streams that broke, wherever they stand.
    fn check_asked(&self, spot: &Spot) -> Checked {
        let mut tiers = self.tiers.iter().enumerate();
        let Some((answer, _)) = tiers.find(|(_, tier)| tier.answer.is_some()) else { return Ok(()) };
        let Some((never, _)) = tiers.find(|(_, tier)| tier.models.is_empty()) else { return Ok(()) };
        let why = format!("is never asked: `{}` above it always answers", spot.index(answer));
        Err(spot.index(never).invalid(why))
    }
}

// === impl BackendConfig ===

impl BackendConfig {
    /// Refuses keys in clear, as of `api_key`.
    fn check(&self, spot: &Spot) -> Checked {
        let is_plain = |value: &HeaderSource| matches!(value, HeaderSource::Plain(_));
        let mut headers = self.headers.iter();
        let Some((name, _)) = headers.find(|(name, value)| is_plain(value) && header::is_secret(name)) else {
            return Ok(());
        };
        let why = "is a secret in clear: say where it is, by { env = \"NAME\" } or { file = \"PATH\" } (or insist, by { insecure = \"…\" })";
        Err(spot.key("headers").key(name).invalid(why))
    }
}

// === impl ContinuationConfig ===

impl ContinuationConfig {
    fn check(&self, spot: &Spot) -> Checked {
        if self.prefill && self.words.is_some() {
            return Err(spot.key("words").invalid("says nothing beside `prefill`, with which nobody asks"));
        }
        Ok(())
    }
}

// === impl BudgetConfig ===

impl BudgetConfig {
    fn check(&self, spot: &Spot) -> Checked {
        not_negative(&spot.key("dollars"), self.dollars)?;
        if self.window < Duration::from_secs(1) {
            let spot = spot.key("window");
            return Err(spot.invalid(format!("is {:?}: it must be at least a second", self.window)));
        }
        Ok(())
    }
}

// === impl RetryConfig ===

impl RetryConfig {
    fn check(&self, spot: &Spot) -> Checked {
        if !(self.factor.is_finite() && self.factor >= 1.0) {
            let wrong = format!("is {}: it must be 1 or more, so that waits do not shrink", self.factor);
            return Err(spot.key("factor").invalid(wrong));
        }
        if self.cap < self.base {
            let wrong = format!("is {:?}, less than the first wait (`base`) of {:?}", self.cap, self.base);
            return Err(spot.key("cap").invalid(wrong));
        }
        Ok(())
    }
}
