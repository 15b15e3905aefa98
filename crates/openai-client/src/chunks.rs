//! A whole response becomes the chunks of a stream.

use std::mem;

use crate::{
    ChatChunk, ChatResponse, Choice, ChunkChoice, Delta, Extra, FunctionCallDelta, ToolCall, ToolCallDelta,
    object::Nulls,
};

// === impl ChatResponse ===

impl ChatResponse {
    /// Takes the response apart into the chunks that a stream of it would have: of each answer who speaks, what is said, and why it
    /// ended; then the usage, if it is known.
    ///
    /// [`Accumulator`](crate::Accumulator) puts them together again. Of a content in parts only the text is left, as most who read
    /// streams know no other.
    ///
    /// # Examples
    ///
    /// ```
    /// use mainstay_openai_client::{Accumulator, ChatResponse};
    ///
    /// let chunks = ChatResponse::from_text("rules", "We are at it.").into_chunks();
    /// let says: Vec<_> = chunks.iter().map(|chunk| chunk.text()).collect();
    /// assert_eq!(says, ["", "We are at it.", ""]);
    ///
    /// let mut whole = Accumulator::default();
    /// chunks.into_iter().for_each(|chunk| whole.push(chunk));
    /// assert_eq!(whole.finish(Default::default()).text(), "We are at it.");
    /// ```
    pub fn into_chunks(self) -> Vec<ChatChunk> {
        let Self { choices, id, model, created, usage, service_tier, system_fingerprint, extra, .. } = self;
        let head = ChatChunk {
            choices: Vec::new(),
            id,
            model,
            object: Some("chat.completion.chunk".to_owned()),
            created,
            usage: None,
            service_tier,
            system_fingerprint,
            extra,
            nulls: Nulls::default(),
        };
        let parts = choices.into_iter().flat_map(parts);
        let chunk = |part| ChatChunk { choices: vec![part], ..head.clone() };
        let mut chunks: Vec<_> = parts.map(chunk).collect();
        if usage.is_some() {
            chunks.push(ChatChunk { usage, ..head });
        }
        chunks
    }
}

/// Who speaks, what is said if anything is, and why it ended.
fn parts(choice: Choice) -> impl Iterator<Item = ChunkChoice> {
    let Choice { mut message, index, finish_reason, logprobs, extra, .. } = choice;
    let part = move |delta| ChunkChoice {
        index,
        delta,
        finish_reason: None,
        logprobs: None,
        extra: Extra::new(),
        nulls: Nulls::default(),
    };
    let speaks = part(Delta { role: Some(message.role), ..Delta::default() });
    let calls = message.tool_calls.map(|calls| calls.into_iter().zip(0..).map(call).collect());
    let said = Delta {
        content: message.content.map(|content| content.text().into_owned()),
        refusal: message.refusal,
        tool_calls: calls,
        annotations: message.annotations.filter(|annotations| !annotations.is_empty()),
        extra: mem::take(&mut message.extra),
        role: None,
        nulls: Nulls::default(),
    };
    let said = (said != Delta::default()).then(|| ChunkChoice { logprobs, extra, ..part(said) });
    let ended = ChunkChoice { finish_reason, ..part(Delta::default()) };
    [Some(speaks), said, Some(ended)].into_iter().flatten()
}

/// A call of a tool, at its place among the calls.
fn call((call, index): (ToolCall, u32)) -> ToolCallDelta {
    let ToolCall { id, function, extra, .. } = call;
    let function = function.map(|function| FunctionCallDelta {
        name: Some(function.name),
        arguments: Some(function.arguments),
        extra: function.extra,
        nulls: Nulls::default(),
    });
    ToolCallDelta { index, id: Some(id), function, extra, nulls: Nulls::default() }
}
