//! What contradicts itself, though each field by itself can be read.

use std::{collections::BTreeMap, time::Duration};

use super::{
    Config, RetryConfig, RouteConfig, ServedConfig, StrategyConfig, TierConfig,
    spot::{Invalid, Spot},
};

type Checked = Result<(), Invalid>;

impl Config {
    pub(super) fn check(&self) -> Checked {
        let root = Spot::default();
        let durations = [
            ("deadline", self.deadline),
            ("attempt_timeout", self.attempt_timeout),
            ("first_token_timeout", self.first_token_timeout),
            ("between_tokens_timeout", self.between_tokens_timeout),
        ];
        durations.into_iter().try_for_each(|(name, duration)| some_time(&root.key(name), duration))?;
        self.retry.check(&root.key("retry"))?;
        self.check_redis(&root)?;
        if let Some(idempotency) = &self.idempotency {
            let spot = root.key("idempotency");
            some_time(&spot.key("ttl"), idempotency.ttl)?;
            at_least_one(&spot.key("capacity"), Some(idempotency.capacity))?;
        }
        for (name, route) in &self.routes {
            route.check(&root.key("routes").key(name), self)?;
        }
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
            (None, Some(_)) => Err(share.invalid("says nothing without redis_url")),
            (_, Some(part)) if !(part > 0.0 && part <= 1.0) => {
                Err(share.invalid(format!("is {part}; it must be more than 0 and at most 1")))
            }
            _ => Ok(()),
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

impl RouteConfig {
    fn check(&self, spot: &Spot, config: &Config) -> Checked {
        let deadline = self.deadline.unwrap_or(config.deadline);
        some_time(&spot.key("deadline"), deadline)?;
        if let Some(timeout) = self.attempt_timeout {
            let spot = spot.key("attempt_timeout");
            some_time(&spot, timeout)?;
            if timeout > deadline {
                return Err(spot.invalid(format!("is {timeout:?}, longer than the deadline of {deadline:?}")));
            }
        }
        if let Some(retry) = &self.retry {
            retry.check(&spot.key("retry"))?;
        }
        let spot = spot.key("tiers");
        if self.tiers.is_empty() {
            return Err(spot.invalid("is empty: a route needs at least one tier"));
        }
        let mut tiers = self.tiers.iter().enumerate();
        tiers.try_for_each(|(at, tier)| tier.check(&spot.index(at), config))
    }
}

impl TierConfig {
    fn check(&self, spot: &Spot, config: &Config) -> Checked {
        let kinds = [!self.models.is_empty(), self.answer.is_some(), self.queue.is_some()];
        if kinds.into_iter().filter(|kind| *kind).count() != 1 {
            return Err(spot.invalid("must have exactly one of `models`, `answer` and `queue`"));
        }
        if self.models.is_empty() && self.strategy.is_some() {
            return Err(spot.key("strategy").invalid("chooses among `models`, and there are none"));
        }
        let spot = spot.key("models");
        for (at, served) in self.models.iter().enumerate() {
            let spot = spot.index(at);
            served.check(&spot, config)?;
            if self.strategy == Some(StrategyConfig::Cheapest) && served.price.is_none() {
                return Err(spot.invalid("has no `price`, which the strategy \"cheapest\" compares"));
            }
        }
        Ok(())
    }
}

impl ServedConfig {
    fn check(&self, spot: &Spot, config: &Config) -> Checked {
        if !config.backends.contains_key(&self.on) {
            let known = config.backends.keys().map(String::as_str);
            return Err(spot.key("on").invalid(unknown("backend", &self.on, known)));
        }
        at_least_one(&spot.key("weight"), self.weight)?;
        at_least_one(&spot.key("requests_per_minute"), self.requests_per_minute)?;
        at_least_one(&spot.key("tokens_per_minute"), self.tokens_per_minute)?;
        at_least_one(&spot.key("in_flight"), self.in_flight)?;
        at_least_one(&spot.key("context_window"), self.context_window)?;
        let Some(price) = self.price else { return Ok(()) };
        for (name, dollars) in [("input", price.input), ("output", price.output)] {
            if !(dollars.is_finite() && dollars >= 0.0) {
                let spot = spot.key("price").key(name);
                return Err(
                    spot.invalid(format!("is {dollars}: it must be dollars per million tokens, 0 or more"))
                );
            }
        }
        Ok(())
    }
}

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

fn some_time(spot: &Spot, duration: Duration) -> Checked {
    if duration.is_zero() { Err(spot.invalid("is zero: no call can be that fast")) } else { Ok(()) }
}

fn at_least_one<N: Copy + Default + PartialEq>(spot: &Spot, number: Option<N>) -> Checked {
    if number == Some(N::default()) {
        return Err(spot.invalid("is 0: it must be at least 1; leave it out for no limit"));
    }
    Ok(())
}

fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<_> = known.collect();
    if known.is_empty() {
        return format!("is {name:?}, and there is no {what} at all");
    }
    format!("is {name:?}, and there is no such {what}; there are {}", known.join(", "))
}
