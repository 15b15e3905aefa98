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
        optional {
            /// What the prompt's tokens were.
            prompt_tokens_details: PromptTokensDetails,
            /// What the answer's tokens were.
            completion_tokens_details: CompletionTokensDetails,
        }
    }
}

object! {
    /// What the tokens of a prompt were.
    pub struct PromptTokensDetails {
        optional {
            /// Those that the provider had in its cache.
            cached_tokens: u64,
            /// Those of audio.
            audio_tokens: u64,
        }
    }
}

object! {
    /// What the tokens of an answer were.
    pub struct CompletionTokensDetails {
        optional {
            /// Those spent on reasoning.
            reasoning_tokens: u64,
            /// Those of audio.
            audio_tokens: u64,
            /// Those of a predicted output that stand in the answer.
            accepted_prediction_tokens: u64,
            /// Those of a predicted output that do not: they are billed too.
            rejected_prediction_tokens: u64,
        }
    }
}

// === impl Usage ===

impl Usage {
    /// Tokens of the prompt that the provider had in its cache, as far as it says.
    pub fn cached_tokens(&self) -> u64 {
        self.prompt_tokens_details.as_ref().and_then(|details| details.cached_tokens).unwrap_or(0)
    }

    /// Tokens of the answer that were spent on reasoning, as far as the provider says.
    pub fn reasoning_tokens(&self) -> u64 {
        self.completion_tokens_details.as_ref().and_then(|details| details.reasoning_tokens).unwrap_or(0)
    }
}
