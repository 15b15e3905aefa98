use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Continuation;

/// How a stream goes on that broke after its first token: by a new call that carries what was said so far. What the caller gets is then no
/// longer the answer of one model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ContinuationConfig {
    /// How often at most: 1 unless set.
    pub times: u32,
    /// Whether the server goes on with a last message of the assistant, as llama.cpp and vLLM do, so that nobody has to ask it to.
    pub prefill: bool,
    /// What the user says to make the model go on, unless by `prefill`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
}

// === impl ContinuationConfig ===

impl ContinuationConfig {
    /// Sets how often at most; 0 ends a stream that breaks in an error.
    #[must_use]
    pub const fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// Has the server go on with a last message of the assistant.
    #[must_use]
    pub const fn prefill(mut self) -> Self {
        self.prefill = true;
        self
    }

    /// Sets what the user says to make the model go on.
    #[must_use]
    pub fn words(mut self, words: impl Into<String>) -> Self {
        self.words = Some(words.into());
        self
    }
}

impl Default for ContinuationConfig {
    fn default() -> Self {
        Self { times: 1, prefill: false, words: None }
    }
}

impl From<&ContinuationConfig> for Continuation {
    fn from(config: &ContinuationConfig) -> Self {
        let how = match &config.words {
            _ if config.prefill => Self::prefill(),
            Some(words) => Self::ask().words(words.as_str()),
            None => Self::ask(),
        };
        how.times(config.times)
    }
}
