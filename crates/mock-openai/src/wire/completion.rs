//! A chat completion in one piece.

use bytes::Bytes;
use serde::Serialize;

use super::Envelope;
use crate::answer::{Answer, Choice, Said, Usage};

#[derive(Serialize)]
struct Completion<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: Vec<WireChoice<'a>>,
    usage: WireUsage,
    service_tier: &'static str,
    system_fingerprint: &'static str,
}

#[derive(Serialize)]
struct WireChoice<'a> {
    index: usize,
    message: Message<'a>,
    logprobs: Option<()>,
    finish_reason: &'static str,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: Option<&'a str>,
    refusal: Option<()>,
    annotations: [(); 0],
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[ToolCall<'a>; 1]>,
}

#[derive(Serialize)]
struct ToolCall<'a> {
    id: String,
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    arguments: &'a str,
}

#[derive(Serialize)]
pub(super) struct WireUsage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: PromptDetails,
    completion_tokens_details: CompletionDetails,
}

#[derive(Default, Serialize)]
struct PromptDetails {
    cached_tokens: u64,
    audio_tokens: u64,
}

#[derive(Default, Serialize)]
#[expect(clippy::struct_field_names, reason = "OpenAI's names")]
struct CompletionDetails {
    reasoning_tokens: u64,
    audio_tokens: u64,
    accepted_prediction_tokens: u64,
    rejected_prediction_tokens: u64,
}

/// Writes an answer as `chat.completion`.
pub(crate) fn completion(answer: &Answer, envelope: &Envelope<'_>) -> Bytes {
    let choices = answer.choices.iter().enumerate();
    let completion = Completion {
        id: &envelope.id,
        object: "chat.completion",
        created: envelope.created,
        model: envelope.model,
        choices: choices.map(|(index, choice)| WireChoice::new(index, choice, envelope)).collect(),
        usage: answer.usage.into(),
        service_tier: "default",
        system_fingerprint: "fp_mock",
    };
    serde_json::to_vec(&completion).unwrap_or_default().into()
}

/// The id of the call to a tool in a choice.
pub(super) fn call_id(envelope: &Envelope<'_>, index: usize) -> String {
    format!("call_{}_{index}", envelope.id.trim_start_matches("chatcmpl-"))
}

// === impl WireChoice ===

impl<'a> WireChoice<'a> {
    fn new(index: usize, choice: &'a Choice, envelope: &Envelope<'_>) -> Self {
        let (content, tool_calls) = match &choice.said {
            Said::Content(content) => (Some(content.as_str()), None),
            Said::Call { name, arguments } => {
                let id = call_id(envelope, index);
                (None, Some([ToolCall { id, r#type: "function", function: Function { name, arguments } }]))
            }
        };
        let message = Message { role: "assistant", content, refusal: None, annotations: [], tool_calls };
        Self { index, message, logprobs: None, finish_reason: choice.finish }
    }
}

// === impl WireUsage ===

impl From<Usage> for WireUsage {
    fn from(usage: Usage) -> Self {
        Self {
            prompt_tokens: usage.prompt,
            completion_tokens: usage.completion,
            total_tokens: usage.total(),
            prompt_tokens_details: PromptDetails::default(),
            completion_tokens_details: CompletionDetails::default(),
        }
    }
}
