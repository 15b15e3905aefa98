//! Tiers, and the models in them.

use super::{
    Checked, Spot,
    values::{at_least_one, not_negative, unknown},
};
use crate::{
    attempt,
    config::{Config, ServedConfig, StrategyConfig, TierConfig},
};

// === impl TierConfig ===

impl TierConfig {
    pub(super) fn check(&self, spot: &Spot, config: &Config, (route, is_budgeted): (&str, bool)) -> Checked {
        let kinds =
            [!self.models.is_empty(), self.answer.is_some(), self.queue.is_some(), self.own.is_some()];
        if kinds.into_iter().filter(|kind| *kind).count() != 1 {
            return Err(spot.invalid("must have exactly one of `models`, `answer`, `queue` and `own`"));
        }
        self.check_strategy(&spot.key("strategy"))?;
        let spot = spot.key("models");
        let models = || self.models.iter().enumerate().map(|(at, served)| (spot.index(at), served));
        models().try_for_each(|(spot, served)| served.check(&spot, config))?;
        self.check_distinct(&spot, route)?;
        if let Some(why) = self.needs_prices(is_budgeted) {
            models().try_for_each(|(spot, served)| served.check_price(&spot, route, why))?;
        }
        let usual = StrategyConfig::default();
        let strategy = self.strategy.as_ref().unwrap_or(&usual);
        models().try_for_each(|(spot, served)| strategy.check_heeds(served, self.models.len(), &spot))
    }

    /// Refuses a model that stands twice in the tier: a call that it has failed would move on from it to itself.
    fn check_distinct(&self, spot: &Spot, route: &str) -> Checked {
        let twice = self.models.iter().enumerate().find_map(|(at, served)| {
            let same =
                |other: &ServedConfig| other.on == served.on && other.named(route) == served.named(route);
            Some((at, self.models.iter().take(at).position(same)?))
        });
        let Some((at, before)) = twice else { return Ok(()) };
        let before = spot.index(before);
        let why = format!(
            "is the same as `{before}`: leave one out, and give the other the `weight` of both under \"weighted\"; or give one a backend of its own"
        );
        Err(spot.index(at).invalid(why))
    }

    /// What needs to know what the models cost, if anything does.
    const fn needs_prices(&self, is_budgeted: bool) -> Option<&'static str> {
        match &self.strategy {
            _ if is_budgeted => Some("which its budget counts in"),
            Some(StrategyConfig::Cheapest) => Some("which the strategy \"cheapest\" compares"),
            Some(StrategyConfig::CostBudget(_)) => Some("which the strategy \"cost_budget\" looks at"),
            _ => None,
        }
    }

    /// Refuses a strategy that has nothing to choose by.
    fn check_strategy(&self, spot: &Spot) -> Checked {
        let Some(strategy) = &self.strategy else { return Ok(()) };
        match (strategy, &*self.models) {
            (_, []) => Err(spot.invalid("chooses among `models`, and there are none")),
            (StrategyConfig::Own(_) | StrategyConfig::LeastLoaded, _) => Ok(()),
            // One that is left when the others were taken out, as in an outage, is chosen by all.
            (_, [_]) => strategy.check(&spot.key(strategy.name())),
            (StrategyConfig::Complexity(_), [first, others @ ..])
                if others.iter().all(|other| other.grade == first.grade) =>
            {
                let grade = "chooses by the models' `grade`, \"small\", \"standard\" or \"deep\", and all have the same";
                Err(spot.invalid(grade))
            }
            _ => strategy.check(&spot.key(strategy.name())),
        }
    }
}

// === impl ServedConfig ===

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
        at_least_one(&spot.key("max_output_tokens"), self.max_output_tokens)?;
        if let (Some(most), Some(window)) = (self.max_output_tokens, self.context_window)
            && most > window
        {
            let wrong = format!("is {most}, more than the whole `context_window` of {window}");
            return Err(spot.key("max_output_tokens").invalid(wrong));
        }
        let Some(price) = self.price else { return Ok(()) };
        let spot = spot.key("price");
        not_negative(&spot.key("input"), price.input)?;
        not_negative(&spot.key("output"), price.output)
    }

    /// Refuses a model of which neither the configuration nor the table of prices says what it costs.
    fn check_price(&self, spot: &Spot, route: &str, why: &str) -> Checked {
        if self.price.is_some() || attempt::usual_price(self.named(route)).is_some() {
            return Ok(());
        }
        Err(spot.invalid(format!("has no `price`, {why}; {{ input = 0, output = 0 }} says it is free")))
    }
}
