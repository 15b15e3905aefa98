//! How a tier chooses, as a configuration says.

use std::sync::Arc;

use mainstay_router::{
    self as router, Backends, Budget, Router,
    strategy::{self, Complexity, CostBudget, Strategy, Weights},
};

use crate::{
    BuildError, ComplexityConfig, ConfigError, StrategyConfig, config::Spot, kept::Keeping, parts::Parts,
    stack::Last,
};

/// What chooses by what was learned, to be told of outcomes.
#[cfg(feature = "learned")]
pub(crate) type Choosers = Vec<(Arc<str>, Arc<router::learned::Chooser>)>;

/// A strategy that is known to be sound, of which each kind of call gets its own.
pub(super) enum Chooses {
    LeastLoaded,
    RoundRobin,
    Weighted,
    Cheapest,
    InOrder,
    Complexity(Complexity),
    CostBudget(CostBudget),
    #[cfg(feature = "learned")]
    Learned(strategy::Learned),
    Own(Arc<dyn Strategy>),
}

/// A budget, and whether all calls share it.
pub(super) type Spending = (Budget, bool);

// === impl Chooses ===

impl Chooses {
    /// How a tier chooses. What it has learned is kept.
    pub(super) fn of(
        tier: &Arc<str>,
        config: &StrategyConfig,
        parts: &Parts,
        keeping: &mut Keeping<'_>,
        spot: &Spot,
    ) -> Result<Self, BuildError> {
        let invalid = |error: router::Invalid| ConfigError::invalid(spot.invalid(error.to_string()));
        Ok(match config {
            StrategyConfig::LeastLoaded => Self::LeastLoaded,
            StrategyConfig::RoundRobin => Self::RoundRobin,
            StrategyConfig::Weighted => Self::Weighted,
            StrategyConfig::Cheapest => Self::Cheapest,
            StrategyConfig::InOrder => Self::InOrder,
            StrategyConfig::Complexity(config) => Self::Complexity(complexity(config).map_err(invalid)?),
            StrategyConfig::CostBudget(config) => {
                Self::CostBudget(CostBudget::per_call(config.per_call).map_err(invalid)?)
            }
            StrategyConfig::Learned(config) => learned(tier, config, keeping, spot)?,
            StrategyConfig::Own(name) => {
                Self::Own(parts.strategy(name).map_err(|wrong| ConfigError::invalid(spot.invalid(wrong)))?)
            }
        })
    }

    /// A router that chooses by it, within budgets.
    pub(super) fn router<S: Send + Sync + 'static>(
        &self,
        backends: Backends<S>,
        budgets: &[Spending],
        last: Last,
    ) -> Router<S> {
        let within = |rank: Arc<dyn Strategy>, (budget, shared): &Spending| -> Arc<dyn Strategy> {
            let within = budget.clone().then(rank);
            if *shared { Arc::new(within.shared()) } else { Arc::new(within) }
        };
        let router = Router::new(backends, budgets.iter().fold(self.strategy(), within));
        if last == Last::No { router.gives_way() } else { router }
    }

    /// Whether it is one of the program's own, which may have its reasons to refuse even the only model.
    pub(super) const fn is_own(&self) -> bool {
        matches!(self, Self::Own(_))
    }

    /// What chooses by what was learned, if that does.
    #[cfg(feature = "learned")]
    pub(super) fn chooser(&self) -> Option<&Arc<router::learned::Chooser>> {
        match self {
            Self::Learned(learned) => learned.chooser(),
            _ => None,
        }
    }

    fn strategy(&self) -> Arc<dyn Strategy> {
        match self {
            Self::LeastLoaded => Arc::new(strategy::LeastLoaded::default()),
            Self::RoundRobin => Arc::new(strategy::RoundRobin::default()),
            Self::Weighted => Arc::new(strategy::Weighted),
            Self::Cheapest => Arc::new(strategy::by_fn(cost)),
            Self::InOrder => Arc::new(strategy::by_fn(order)),
            Self::Complexity(complexity) => Arc::new(complexity.clone()),
            Self::CostBudget(budget) => Arc::new(budget.clone()),
            #[cfg(feature = "learned")]
            Self::Learned(learned) => Arc::new(learned.clone()),
            Self::Own(own) => Arc::clone(own),
        }
    }
}

fn complexity(config: &ComplexityConfig) -> Result<Complexity, router::Invalid> {
    let ComplexityConfig { standard_from, deep_from, chars, length, structured_output, steps, tools } =
        *config;
    let weights = Weights { chars, length, structured_output, steps, tools };
    Complexity::default().weights(weights).thresholds(standard_from, deep_from)
}

#[cfg(feature = "learned")]
fn learned(
    tier: &Arc<str>,
    config: &crate::LearnedConfig,
    keeping: &mut Keeping<'_>,
    spot: &Spot,
) -> Result<Chooses, BuildError> {
    keeping.learned(tier, config, || load(config, spot)).map(Chooses::Learned)
}

#[cfg(not(feature = "learned"))]
fn learned(
    _: &Arc<str>,
    _: &crate::LearnedConfig,
    _: &mut Keeping<'_>,
    spot: &Spot,
) -> Result<Chooses, BuildError> {
    Err(ConfigError::invalid(spot.invalid("needs the feature `learned`")).into())
}

/// Loads what was learned.
#[cfg(feature = "learned")]
fn load(config: &crate::LearnedConfig, spot: &Spot) -> Result<strategy::Learned, BuildError> {
    use router::learned::{Chooser, Online, Target};
    use strategy::{Learned, LearnedError, Unloadable};

    let target = match (config.share, config.dollars_per_thousand, config.quality) {
        (Some(share), _, _) => Target::Share(share),
        (_, Some(dollars), _) => Target::DollarsPerThousand(dollars),
        (_, _, Some(quality)) => Target::Quality(quality),
        (None, None, None) => Target::Share(0.5),
    };
    let unloadable = if config.falls_back { Unloadable::FallsBack } else { Unloadable::Fails };
    let loaded = Learned::load(&config.model, target, unloadable).map_err(|error| {
        let field = if matches!(error, LearnedError::Model(_)) { spot.key("model") } else { spot.clone() };
        let why = match std::error::Error::source(&error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        };
        ConfigError::invalid(field.invalid(format!("is {:?}: {why}", config.model.display().to_string())))
    })?;
    if config.online
        && let Some(chooser) = loaded.chooser()
    {
        let (model, threshold) = (chooser.model().clone(), chooser.threshold());
        let chooser = Chooser::new(model, threshold).online(Online::default());
        return Ok(Learned::sharing(Arc::new(chooser)));
    }
    Ok(loaded)
}

fn cost(candidate: &router::Candidate<'_>, profile: &router::Profile<'_>) -> f64 {
    candidate.worst_cost(profile).unwrap_or(f64::INFINITY)
}

fn order(candidate: &router::Candidate<'_>, _: &router::Profile<'_>) -> f64 {
    f64::from(candidate.id().0)
}
