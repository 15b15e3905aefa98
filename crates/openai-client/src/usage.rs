use serde_json::Value;

use crate::object::object;

object! {
    /// How many tokens a call was billed for.
    pub struct Usage {
        default {
            /// Tokens of the prompt.
            prompt_tokens: u64,
            /// Tokens of the answer, reasoning included.
            completion_tokens: u64,
            /// Both together.
            total_tokens: u64,
        }
    }
}

// === impl Usage ===

impl Usage {
    /// Tokens of the prompt that the provider had in its cache, as far as it says.
    pub fn cached_tokens(&self) -> u64 {
        self.detail("prompt_tokens_details", "cached_tokens")
    }

    /// Tokens of the answer that were spent on reasoning, as far as the provider says.
    pub fn reasoning_tokens(&self) -> u64 {
        self.detail("completion_tokens_details", "reasoning_tokens")
    }

    fn detail(&self, object: &str, field: &str) -> u64 {
        self.extra.get(object).and_then(|details| details.get(field)).and_then(Value::as_u64).unwrap_or(0)
    }
}
