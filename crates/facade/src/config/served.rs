use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A model on a backend: one place at which a tier may be served.
///
/// # Examples
///
/// ```
/// use mainstay::ServedConfig;
///
/// let served = ServedConfig::on("openai").model("gpt-4o").requests_per_minute(600).price(2.5, 10.0);
/// let read: ServedConfig = toml::from_str(
///     r#"on = "openai"
///     model = "gpt-4o"
///     requests_per_minute = 600
///     price = { input = 2.5, output = 10 }"#,
/// )?;
/// assert_eq!(served, read);
/// # Ok::<_, toml::de::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
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
    /// The most tokens, prompt and answer together, that it takes in one call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_window: Option<u64>,
    /// The most tokens that an answer has: what budgets reserve for a request that sets no `max_tokens`, and what strategies that look at
    /// costs count with. 500, an estimate, unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u64>,
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
    /// Names the backend; the model's name there is the route's own.
    pub fn on(backend: impl Into<String>) -> Self {
        Self {
            on: backend.into(),
            model: None,
            weight: None,
            requests_per_minute: None,
            tokens_per_minute: None,
            in_flight: None,
            context_window: None,
            max_output_tokens: None,
            price: None,
            grade: GradeConfig::Standard,
            lacks: Vec::new(),
        }
    }

    /// Sets the model's name there.
    #[must_use]
    pub fn model(mut self, name: impl Into<String>) -> Self {
        self.model = Some(name.into());
        self
    }

    /// Sets its share of the calls, beside the others'.
    #[must_use]
    pub fn weight(mut self, weight: u32) -> Self {
        self.weight = Some(weight);
        self
    }

    /// Sets the most requests a minute.
    #[must_use]
    pub fn requests_per_minute(mut self, requests: u64) -> Self {
        self.requests_per_minute = Some(requests);
        self
    }

    /// Sets the most tokens a minute, prompt and answer together.
    #[must_use]
    pub fn tokens_per_minute(mut self, tokens: u64) -> Self {
        self.tokens_per_minute = Some(tokens);
        self
    }

    /// Sets the most calls under way at once.
    #[must_use]
    pub fn in_flight(mut self, calls: u32) -> Self {
        self.in_flight = Some(calls);
        self
    }

    /// Sets the most tokens, prompt and answer together, that it takes in one call.
    #[must_use]
    pub fn context_window(mut self, tokens: u64) -> Self {
        self.context_window = Some(tokens);
        self
    }

    /// Sets the most tokens that an answer has.
    #[must_use]
    pub fn max_output_tokens(mut self, tokens: u64) -> Self {
        self.max_output_tokens = Some(tokens);
        self
    }

    /// Sets what it costs, in US dollars per million tokens of prompts and of answers.
    #[must_use]
    pub fn price(mut self, input: f64, output: f64) -> Self {
        self.price = Some(PriceConfig { input, output });
        self
    }

    /// Sets how capable it is.
    #[must_use]
    pub fn grade(mut self, grade: GradeConfig) -> Self {
        self.grade = grade;
        self
    }

    /// Says what it cannot do.
    #[must_use]
    pub fn lacks(mut self, capabilities: impl IntoIterator<Item = CapabilityConfig>) -> Self {
        self.lacks.extend(capabilities);
        self
    }

    /// Whether it takes whatever call comes.
    pub(crate) fn is_plain(&self) -> bool {
        self.context_window.is_none() && self.lacks.is_empty()
    }

    /// The model's name at its backend: the route's, if none is said.
    pub(crate) fn named<'a>(&'a self, route: &'a str) -> &'a str {
        self.model.as_deref().unwrap_or(route)
    }
}

// === impl GradeConfig ===

impl GradeConfig {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference to the field")]
    fn is_standard(&self) -> bool {
        *self == Self::Standard
    }
}
