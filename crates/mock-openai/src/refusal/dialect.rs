//! The two refusals that every service words in its own way.

use http::StatusCode;
use serde_json::{Value, json};

use super::{ErrorBody, Refusal};
use crate::fault::Dialect;

/// A prompt and a window that it does not fit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Overlong {
    pub(crate) window: u64,
    pub(crate) prompt: u64,
    pub(crate) max_tokens: u64,
}

// === impl Refusal ===

impl Refusal {
    pub(crate) fn context_length(dialect: Dialect, overlong: Overlong) -> Self {
        let body = match dialect {
            Dialect::Openai | Dialect::Azure => overlong.openai(),
            Dialect::LlamaCpp => overlong.llama_cpp(),
            Dialect::Vllm => overlong.vllm(),
            Dialect::Ollama => {
                json!(ErrorBody::new("invalid_request_error", "the input length exceeds the context length"))
            }
        };
        Self::json("context_length", StatusCode::BAD_REQUEST, &body)
    }

    pub(crate) fn content_filter(dialect: Dialect) -> Self {
        let body = if dialect == Dialect::Azure { azure_filter() } else { openai_filter() };
        Self::json("content_filter", StatusCode::BAD_REQUEST, &body)
    }
}

// === impl Overlong ===

impl Overlong {
    fn openai(self) -> Value {
        let Self { window, prompt, max_tokens } = self;
        let counted = match max_tokens {
            0 => format!(
                "your messages resulted in {prompt} tokens. Please reduce the length of the messages."
            ),
            _ => format!(
                "you requested {} tokens ({prompt} in the messages, {max_tokens} in the completion). Please reduce the \
                 length of the messages or completion.",
                prompt.saturating_add(max_tokens)
            ),
        };
        let message = format!("This model's maximum context length is {window} tokens. However, {counted}");
        json!(
            ErrorBody::new("invalid_request_error", message)
                .param("messages")
                .code("context_length_exceeded")
        )
    }

    fn llama_cpp(self) -> Value {
        let Self { window, prompt, .. } = self;
        let message = format!(
            "request ({prompt} tokens) exceeds the available context size ({window} tokens), try increasing it"
        );
        let kind = "exceed_context_size_error";
        json!({"error": {"code": 400, "message": message, "type": kind, "n_prompt_tokens": prompt, "n_ctx": window}})
    }

    fn vllm(self) -> Value {
        let Self { window, prompt, max_tokens } = self;
        let message = format!(
            "This model's maximum context length is {window} tokens. However, you requested {} tokens ({prompt} in the \
             messages, {max_tokens} in the completion). Please reduce the length of the messages or completion.",
            prompt.saturating_add(max_tokens)
        );
        json!({"error": {"message": message, "type": "BadRequestError", "param": null, "code": 400}})
    }
}

fn openai_filter() -> Value {
    let message = "Your request was rejected as a result of our safety system. Your prompt may contain text that is not \
                   allowed by our safety system.";
    json!(ErrorBody::new("invalid_request_error", message).code("content_policy_violation"))
}

fn azure_filter() -> Value {
    let message = "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please \
                   modify your prompt and retry. To learn more about our content filtering policies please read our \
                   documentation: https://go.microsoft.com/fwlink/?linkid=2198766";
    let safe = json!({"filtered": false, "severity": "safe"});
    let result = json!({
        "hate": safe, "jailbreak": {"filtered": false, "detected": false}, "self_harm": safe, "sexual": safe,
        "violence": {"filtered": true, "severity": "medium"},
    });
    let inner = json!({"code": "ResponsibleAIPolicyViolation", "content_filter_result": result});
    json!({"error": {
        "message": message, "type": null, "param": "prompt", "code": "content_filter", "status": 400, "innererror": inner,
    }})
}
