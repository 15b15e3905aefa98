use std::{collections::BTreeMap, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::KeySource;

/// A server with an OpenAI-compatible API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BackendConfig {
    /// The URL up to which all paths of the API are the same, such as `"https://api.openai.com/v1"`.
    pub base_url: String,
    /// Where the API key is: `{ env = "OPENAI_API_KEY" }` or `{ file = "/run/secrets/openai" }`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<KeySource>,
    /// Headers that each request carries besides.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// How long a connection may take to be made.
    #[serde(default, with = "humantime_serde", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub connect_timeout: Option<Duration>,
}

/// A model on a backend: one place at which a tier may be served.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServedConfig {
    /// The backend, by its name.
    pub on: String,
    /// The model's name there; the route's own name unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Its share of the calls under the strategy `"weighted"`, beside the others': 1 unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
    /// The most requests a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u64>,
    /// The most tokens a minute, prompt and answer together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_per_minute: Option<u64>,
    /// The most calls under way at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_flight: Option<u32>,
    /// The most tokens, prompt and answer together, that it takes in one call: no limit unless set. What is too long for one model goes
    /// on to those, and to tiers below, that take more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_window: Option<u64>,
    /// What it costs; for OpenAI's models as the table that comes with Mainstay says, unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<PriceConfig>,
    /// How capable it is, for the strategies `"complexity"` and `"cost_budget"`: `"standard"` unless set.
    #[serde(default, skip_serializing_if = "GradeConfig::is_standard")]
    pub grade: GradeConfig,
    /// What it cannot do: calls that need it go elsewhere. Nothing unless set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<CapabilityConfig>,
}

/// How capable a model is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GradeConfig {
    /// A small model.
    Small,
    /// The model for most things.
    #[default]
    Standard,
    /// The model that thinks longest.
    Deep,
}

/// What a model can do, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CapabilityConfig {
    /// Answer token by token.
    Streaming,
    /// Call tools.
    Tools,
    /// Answer by a JSON schema.
    StructuredOutput,
    /// Read images.
    Vision,
    /// Hear or speak.
    Audio,
    /// Make embeddings.
    Embeddings,
}

/// A price, in US dollars per million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceConfig {
    /// For the tokens of the prompt.
    pub input: f64,
    /// For the tokens of the answer.
    pub output: f64,
}

// === impl ServedConfig ===

impl ServedConfig {
    /// Whether it takes whatever call comes.
    pub(crate) fn is_plain(&self) -> bool {
        self.context_window.is_none() && self.lacks.is_empty()
    }
}

// === impl GradeConfig ===

impl GradeConfig {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference to the field")]
    fn is_standard(&self) -> bool {
        *self == Self::Standard
    }
}
