use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ServedConfig, StrategyConfig, strategy::Written};

/// One tier: models among which a strategy chooses, or an answer that is set, or a queue for people, or a tier of your own. Exactly one
/// of them.
///
/// # Examples
///
/// ```
/// use mainstay::{ServedConfig, StrategyConfig, TierConfig};
///
/// let both = [ServedConfig::on("openai"), ServedConfig::on("azure")];
/// let tier = TierConfig::models(both).strategy(StrategyConfig::InOrder);
/// let read: TierConfig = toml::from_str(r#"
///     models = [{ on = "openai" }, { on = "azure" }]
///     strategy = "in_order"
/// "#)?;
/// assert_eq!(tier, read);
/// # Ok::<_, toml::de::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct TierConfig {
    /// Models on backends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<ServedConfig>,
    /// How to choose among the models: `"least_loaded"` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Written>")]
    pub strategy: Option<StrategyConfig>,
    /// An answer that is always the same, and better than none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// A file of calls that people will see to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<PathBuf>,
    /// A tier of your own, by the name under which the program has it ([`Builder::own_tier`](crate::Builder::own_tier)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<String>,
}

// === impl TierConfig ===

impl TierConfig {
    /// Models on backends.
    pub fn models(models: impl IntoIterator<Item = ServedConfig>) -> Self {
        Self { models: models.into_iter().collect(), ..Self::default() }
    }

    /// An answer that is always the same, and better than none.
    pub fn answer(text: impl Into<String>) -> Self {
        Self { answer: Some(text.into()), ..Self::default() }
    }

    /// A file of calls that people will see to.
    pub fn queue(path: impl Into<PathBuf>) -> Self {
        Self { queue: Some(path.into()), ..Self::default() }
    }

    /// A tier of your own, by its name: see [`Builder::own_tier`](crate::Builder::own_tier).
    pub fn own(name: impl Into<String>) -> Self {
        Self { own: Some(name.into()), ..Self::default() }
    }

    /// Sets how to choose among the models.
    #[must_use]
    pub fn strategy(mut self, strategy: StrategyConfig) -> Self {
        self.strategy = Some(strategy);
        self
    }
}

/// One model is a tier.
impl From<ServedConfig> for TierConfig {
    fn from(served: ServedConfig) -> Self {
        Self::models([served])
    }
}
