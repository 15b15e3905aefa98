use std::{fmt, path::PathBuf};

use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, MapAccess, value::MapAccessDeserializer, value::StrDeserializer},
};

/// How a tier chooses among its models: a name, or a table of one strategy with its settings.
///
/// # Examples
///
/// ```
/// use mainstay::{StrategyConfig, TierConfig};
///
/// let tier: TierConfig = toml::from_str(r#"strategy = "round_robin""#)?;
/// assert_eq!(tier.strategy, Some(StrategyConfig::RoundRobin));
/// let tier: TierConfig = toml::from_str("strategy = { complexity = { standard_from = 0.2 } }")?;
/// assert!(matches!(tier.strategy, Some(StrategyConfig::Complexity(settings)) if settings.deep_from == 0.7));
/// # Ok::<_, toml::de::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StrategyConfig {
    /// The less loaded of two drawn at random, by latency and calls under way.
    #[default]
    LeastLoaded,
    /// In turn.
    RoundRobin,
    /// In turn, by weight.
    Weighted,
    /// The cheapest that is well.
    Cheapest,
    /// In the order in which they are listed: the first that is well.
    InOrder,
    /// The model that the request is worth, by the models' grades.
    Complexity(ComplexityConfig),
    /// The best grade whose worst case costs no more than this, otherwise the cheapest.
    CostBudget(CostBudgetConfig),
    /// The model that is worth its price for this prompt, by what was learned from past calls.
    Learned(LearnedConfig),
    /// A strategy of your own, by the name under which the program has it ([`Builder::own_strategy`](crate::Builder::own_strategy)).
    Own(String),
}

/// What makes a request complex, and from where on it is worth a better model. The score is in [0, 1].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ComplexityConfig {
    /// From which score a model of the grade `standard` is taken: 0.3 unless set.
    pub standard_from: f64,
    /// From which score a model of the grade `deep` is taken: 0.7 unless set.
    pub deep_from: f64,
    /// The characters of a prompt that count as 1: 10,000 unless set.
    pub chars: f64,
    /// The most that the prompt's length counts: 0.3 unless set.
    pub length: f64,
    /// What structured output counts: 0.2 unless set.
    pub structured_output: f64,
    /// What it counts that tools were called before: 0.2 unless set.
    pub steps: f64,
    /// What tools count: 0.2 unless set.
    pub tools: f64,
}

/// A budget for each call by itself.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CostBudgetConfig {
    /// The most US dollars that a call may cost.
    pub per_call: f64,
}

/// A model file that `route train` wrote, and what is to be reached with it: one of `share`, `dollars_per_thousand` and `quality`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct LearnedConfig {
    /// The file. Its models are known by the names that `model` has in this tier.
    pub model: PathBuf,
    /// The share of calls that the dearest model gets, from 0 to 1: 0.5 if nothing is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// The most US dollars for 1,000 calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dollars_per_thousand: Option<f64>,
    /// The least mean score of the answers, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<f64>,
    /// Whether a file that cannot be used is only a warning, and the strategy `complexity` chooses.
    #[serde(default)]
    pub falls_back: bool,
    /// Whether it learns on from the outcomes that it is told of.
    #[serde(default)]
    pub online: bool,
}

/// A strategy as it is written: for the schema, and to be read.
#[derive(JsonSchema)]
#[schemars(untagged, inline)]
#[allow(dead_code, reason = "only its schema is used")]
pub(super) enum Written {
    Name(Name),
    Settings(Settings),
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(super) enum Name {
    /// The less loaded of two drawn at random, by latency and calls under way.
    LeastLoaded,
    /// In turn.
    RoundRobin,
    /// In turn, by weight.
    Weighted,
    /// The cheapest that is well.
    Cheapest,
    /// In the order in which they are listed: the first that is well.
    InOrder,
    /// The model that the request is worth, by the models' grades.
    Complexity,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(super) enum Settings {
    /// The model that the request is worth, by the models' grades.
    Complexity(ComplexityConfig),
    /// The best grade whose worst case costs no more than this, otherwise the cheapest.
    CostBudget(CostBudgetConfig),
    /// The model that is worth its price for this prompt, by what was learned from past calls.
    Learned(LearnedConfig),
    /// A strategy of your own, by the name under which the program has it.
    Own(String),
}

// === impl StrategyConfig ===

impl StrategyConfig {
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::LeastLoaded => "least_loaded",
            Self::RoundRobin => "round_robin",
            Self::Weighted => "weighted",
            Self::Cheapest => "cheapest",
            Self::InOrder => "in_order",
            Self::Complexity(_) => "complexity",
            Self::CostBudget(_) => "cost_budget",
            Self::Learned(_) => "learned",
            Self::Own(_) => "own",
        }
    }
}

impl From<Name> for StrategyConfig {
    fn from(name: Name) -> Self {
        match name {
            Name::LeastLoaded => Self::LeastLoaded,
            Name::RoundRobin => Self::RoundRobin,
            Name::Weighted => Self::Weighted,
            Name::Cheapest => Self::Cheapest,
            Name::InOrder => Self::InOrder,
            Name::Complexity => Self::Complexity(ComplexityConfig::default()),
        }
    }
}

impl From<Settings> for StrategyConfig {
    fn from(settings: Settings) -> Self {
        match settings {
            Settings::Complexity(settings) => Self::Complexity(settings),
            Settings::CostBudget(settings) => Self::CostBudget(settings),
            Settings::Learned(settings) => Self::Learned(settings),
            Settings::Own(name) => Self::Own(name),
        }
    }
}

impl<'de> Deserialize<'de> for StrategyConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

struct Visitor;

impl<'de> de::Visitor<'de> for Visitor {
    type Value = StrategyConfig;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a strategy, or a table of one with its settings")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<StrategyConfig, E> {
        let needs_settings = match name {
            "cost_budget" => Some("{ cost_budget = { per_call = 0.01 } }"),
            "learned" => Some("{ learned = { model = \"router.model\", share = 0.3 } }"),
            "own" => Some("{ own = \"name\" }"),
            _ => None,
        };
        if let Some(example) = needs_settings {
            return Err(E::custom(format!("`{name}` needs settings, such as `{example}`")));
        }
        Name::deserialize(StrDeserializer::new(name)).map(StrategyConfig::from)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<StrategyConfig, A::Error> {
        Settings::deserialize(MapAccessDeserializer::new(map)).map(StrategyConfig::from)
    }
}

// === impl ComplexityConfig ===

impl Default for ComplexityConfig {
    fn default() -> Self {
        Self {
            standard_from: 0.3,
            deep_from: 0.7,
            chars: 10_000.0,
            length: 0.3,
            structured_output: 0.2,
            steps: 0.2,
            tools: 0.2,
        }
    }
}

// === impl CostBudgetConfig ===

impl CostBudgetConfig {
    /// Creates a budget of so many US dollars for each call.
    pub const fn per_call(dollars: f64) -> Self {
        Self { per_call: dollars }
    }
}

// === impl LearnedConfig ===

impl LearnedConfig {
    /// Names the model file; half of the calls go to the dearest model.
    pub fn new(model: impl Into<PathBuf>) -> Self {
        let model = model.into();
        Self {
            model,
            share: None,
            dollars_per_thousand: None,
            quality: None,
            falls_back: false,
            online: false,
        }
    }
}
