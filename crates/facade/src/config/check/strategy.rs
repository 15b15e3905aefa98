//! Strategies, their settings, and what they look at.

use super::{Checked, Spot, values::not_negative};
use crate::config::{ComplexityConfig, GradeConfig, LearnedConfig, ServedConfig, StrategyConfig};

// === impl StrategyConfig ===

impl StrategyConfig {
    pub(super) fn check(&self, spot: &Spot) -> Checked {
        match self {
            Self::Complexity(settings) => settings.check(spot),
            Self::CostBudget(settings) => not_negative(&spot.key("per_call"), settings.per_call),
            Self::Learned(settings) => settings.check(spot),
            _ => Ok(()),
        }
    }

    /// Refuses what a model says that the strategy, which chooses among so many, does not look at.
    pub(super) fn check_heeds(&self, served: &ServedConfig, among: usize, spot: &Spot) -> Checked {
        // The one that is left when others were taken out keeps what was said of it.
        if matches!(self, Self::Own(_)) || among == 1 {
            return Ok(());
        }
        let why = |heeds: &str| format!("says nothing to the strategy \"{}\": {heeds} it", self.name());
        if served.weight.is_some() && *self != Self::Weighted {
            return Err(spot.key("weight").invalid(why("\"weighted\" heeds")));
        }
        let by_grade = match self {
            Self::Complexity(_) | Self::CostBudget(_) => true,
            Self::Learned(settings) => settings.falls_back,
            _ => false,
        };
        if served.grade != GradeConfig::Standard && !by_grade {
            return Err(spot.key("grade").invalid(why("\"complexity\" and \"cost_budget\" heed")));
        }
        Ok(())
    }
}

// === impl ComplexityConfig ===

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

// === impl LearnedConfig ===

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
