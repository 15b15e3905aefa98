//! What contradicts itself, though each field by itself can be read.

use std::{collections::BTreeMap, time::Duration};

use super::{
    BudgetConfig, ComplexityConfig, Config, ContinuationConfig, LearnedConfig, RetryConfig, RouteConfig,
    ServedConfig, StrategyConfig, TierConfig,
    spot::{Invalid, Spot},
};
use crate::attempt;

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
        if let Some(budget) = &self.budget {
            budget.check(&root.key("budget"))?;
        }
        if let Some(ContinuationConfig { prefill: true, words: Some(_), .. }) = &self.continue_streams {
            let spot = root.key("continue_streams").key("words");
            return Err(spot.invalid("says nothing beside `prefill`, with which nobody asks"));
        }
        if let Some(idempotency) = &self.idempotency {
            let spot = root.key("idempotency");
            some_time(&spot.key("ttl"), idempotency.ttl)?;
            at_least_one(&spot.key("capacity"), Some(idempotency.capacity))?;
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

impl RouteConfig {
    fn check(&self, spot: &Spot, config: &Config, name: &str) -> Checked {
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
        if let Some(budget) = &self.budget {
            budget.check(&spot.key("budget"))?;
        }
        let is_budgeted = self.budget.is_some() || config.budget.is_some();
        let spot = spot.key("tiers");
        if self.tiers.is_empty() {
            return Err(spot.invalid("is empty: a route needs at least one tier"));
        }
        let mut tiers = self.tiers.iter().enumerate();
        tiers.try_for_each(|(at, tier)| tier.check(&spot.index(at), config, (name, is_budgeted)))
    }
}

impl TierConfig {
    fn check(&self, spot: &Spot, config: &Config, (route, is_budgeted): (&str, bool)) -> Checked {
        let kinds = [!self.models.is_empty(), self.answer.is_some(), self.queue.is_some()];
        if kinds.into_iter().filter(|kind| *kind).count() != 1 {
            return Err(spot.invalid("must have exactly one of `models`, `answer` and `queue`"));
        }
        if self.models.is_empty() && self.strategy.is_some() {
            return Err(spot.key("strategy").invalid("chooses among `models`, and there are none"));
        }
        if let Some(strategy) = &self.strategy {
            strategy.check(&spot.key("strategy").key(strategy.name()))?;
        }
        let needs_price = match &self.strategy {
            _ if is_budgeted => Some("which its budget counts in"),
            Some(StrategyConfig::Cheapest) => Some("which the strategy \"cheapest\" compares"),
            Some(StrategyConfig::CostBudget(_)) => Some("which the strategy \"cost_budget\" looks at"),
            _ => None,
        };
        let spot = spot.key("models");
        for (at, served) in self.models.iter().enumerate() {
            let spot = spot.index(at);
            served.check(&spot, config)?;
            let model = served.model.as_deref().unwrap_or(route);
            if let Some(needs_price) = needs_price
                && served.price.is_none()
                && attempt::usual_price(model).is_none()
            {
                let why =
                    format!("has no `price`, {needs_price}; {{ input = 0, output = 0 }} says it is free");
                return Err(spot.invalid(why));
            }
        }
        Ok(())
    }
}

impl StrategyConfig {
    fn check(&self, spot: &Spot) -> Checked {
        match self {
            Self::Complexity(settings) => settings.check(spot),
            Self::CostBudget(settings) => not_negative(&spot.key("per_call"), settings.per_call),
            Self::Learned(settings) => settings.check(spot),
            _ => Ok(()),
        }
    }
}

impl ComplexityConfig {
    fn check(&self, spot: &Spot) -> Checked {
        let Self { standard_from, deep_from, chars, length, structured_output, steps, tools } = *self;
        if !(chars.is_finite() && chars > 0.0) {
            return Err(spot.key("chars").invalid(format!("is {chars}: it must be more than 0")));
        }
        let weights = [
            ("length", length),
            ("structured_output", structured_output),
            ("steps", steps),
            ("tools", tools),
            ("standard_from", standard_from),
        ];
        weights.into_iter().try_for_each(|(name, weight)| not_negative(&spot.key(name), weight))?;
        if standard_from <= deep_from && deep_from <= 1.0 {
            return Ok(());
        }
        let why = format!("is {deep_from}: it must be from `standard_from` ({standard_from}) to 1");
        Err(spot.key("deep_from").invalid(why))
    }
}

impl LearnedConfig {
    fn check(&self, spot: &Spot) -> Checked {
        let targets = [
            ("share", self.share),
            ("dollars_per_thousand", self.dollars_per_thousand),
            ("quality", self.quality),
        ];
        let mut set = targets.into_iter().filter_map(|(name, target)| Some((name, target?)));
        let Some((name, target)) = set.next() else { return Ok(()) };
        if let Some((other, _)) = set.next() {
            return Err(spot
                .key(other)
                .invalid(format!("and {name} contradict each other: name one target")));
        }
        not_negative(&spot.key(name), target)?;
        if name != "dollars_per_thousand" && target > 1.0 {
            return Err(spot.key(name).invalid(format!("is {target}: it must be from 0 to 1")));
        }
        Ok(())
    }
}

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
        let spot = spot.key("price");
        not_negative(&spot.key("input"), price.input)?;
        not_negative(&spot.key("output"), price.output)
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

fn not_negative(spot: &Spot, number: f64) -> Checked {
    if number.is_finite() && number >= 0.0 {
        return Ok(());
    }
    Err(spot.invalid(format!("is {number}: it must be a number, 0 or more")))
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
