use futures_core::Stream;
use futures_util::StreamExt;
use http::HeaderMap;
use serde_json::{Map, Value};

use crate::{
    ChatChunk, ChatResponse, Choice, Content, Delta, FunctionCall, Message, Role, ToolCall, ToolCallDelta,
    object::Nulls,
};

/// Puts the chunks of a stream together to a whole response.
///
/// # Examples
///
/// ```
/// use mainstay_openai_client::{Accumulator, ChatChunk};
///
/// let mut whole = Accumulator::default();
/// for (text, finish) in [("Hel", "null"), ("lo!", "\"stop\"")] {
///     let chunk = format!(r#"{{"choices":[{{"index":0,"delta":{{"content":"{text}"}},"finish_reason":{finish}}}]}}"#);
///     whole.push(serde_json::from_str::<ChatChunk>(&chunk)?);
/// }
/// assert_eq!(whole.finish(Default::default()).text(), "Hello!");
/// # Ok::<_, serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Accumulator {
    head: Option<ChatChunk>,
    choices: Vec<Choice>,
}

// === impl Accumulator ===

impl Accumulator {
    /// Reads a stream to its end.
    ///
    /// # Errors
    ///
    /// The stream's own error, if it breaks.
    pub async fn read<S, E>(mut stream: S) -> Result<Self, E>
    where
        S: Stream<Item = Result<ChatChunk, E>> + Unpin,
    {
        let mut whole = Self::default();
        while let Some(chunk) = stream.next().await {
            whole.push(chunk?);
        }
        Ok(whole)
    }

    /// Adds the next chunk.
    pub fn push(&mut self, mut chunk: ChatChunk) {
        for part in std::mem::take(&mut chunk.choices) {
            let choice = self.choice(part.index);
            if let Some(reason) = part.ended() {
                choice.finish_reason = Some(reason.clone());
            }
            grow(&mut choice.message, part.delta);
            if let Some(more) = part.logprobs {
                join(choice.logprobs.get_or_insert_default(), more);
            }
            choice.extra.extend(part.extra.into_iter().filter(|(_, value)| !value.is_null()));
        }
        match &mut self.head {
            None => self.head = Some(chunk),
            Some(head) => {
                if chunk.usage.is_some() {
                    head.usage = chunk.usage;
                }
                head.created = head.created.or(chunk.created);
                head.service_tier = chunk.service_tier.or(head.service_tier.take());
                head.system_fingerprint = chunk.system_fingerprint.or(head.system_fingerprint.take());
                head.extra.append(&mut chunk.extra);
            }
        }
    }

    /// Returns the response as far as it has come. The headers are those of the stream's response.
    pub fn finish(mut self, headers: HeaderMap) -> ChatResponse {
        self.choices.sort_by_key(|choice| choice.index);
        let mut whole = ChatResponse {
            choices: self.choices,
            object: Some("chat.completion".to_owned()),
            headers,
            ..ChatResponse::empty()
        };
        if let Some(head) = self.head {
            (whole.id, whole.model, whole.created, whole.usage) =
                (head.id, head.model, head.created, head.usage);
            (whole.service_tier, whole.system_fingerprint) = (head.service_tier, head.system_fingerprint);
            whole.extra = head.extra;
            whole.extra.retain(|_, value| !value.is_null());
        }
        whole
    }

    fn choice(&mut self, index: u32) -> &mut Choice {
        let place = self.choices.iter().position(|choice| choice.index == index).unwrap_or_else(|| {
            let message = Message { content: None, ..Message::assistant("") };
            self.choices.push(Choice {
                message,
                index,
                finish_reason: None,
                logprobs: None,
                extra: Map::new(),
                nulls: Nulls::default(),
            });
            self.choices.len() - 1
        });
        self.choices.get_mut(place).expect("it was found or pushed just now")
    }
}

/// Adds to a message what a delta says.
fn grow(message: &mut Message, delta: Delta) {
    if let Some(role) = delta.role {
        message.role = if role.as_str().is_empty() { Role::Assistant } else { role };
    }
    if let Some(more) = delta.content {
        match &mut message.content {
            Some(Content::Text(text)) => text.push_str(&more),
            content => *content = Some(Content::Text(more)),
        }
    }
    if let Some(more) = delta.refusal {
        message.refusal.get_or_insert_default().push_str(&more);
    }
    for call in delta.tool_calls.into_iter().flatten() {
        grow_call(message.tool_calls.get_or_insert_default(), call);
    }
    if let Some(more) = delta.annotations {
        message.annotations.get_or_insert_default().extend(more);
    }
    for (name, more) in delta.extra {
        match (message.extra.get_mut(&name), more) {
            (Some(Value::String(text)), Value::String(more)) => text.push_str(&more),
            (_, Value::Null) => {}
            (_, more) => {
                message.extra.insert(name, more);
            }
        }
    }
}

/// Puts likelihoods behind those that came before: lists are joined, by their names.
fn join(lists: &mut Value, more: Value) {
    match (lists, more) {
        (Value::Object(lists), Value::Object(more)) => {
            for (name, more) in more {
                join(lists.entry(name).or_insert(Value::Null), more);
            }
        }
        (Value::Array(list), Value::Array(more)) => list.extend(more),
        (_, Value::Null) => {}
        (lists, more) => *lists = more,
    }
}

/// Adds to the calls of tools what a delta says of one of them.
fn grow_call(calls: &mut Vec<ToolCall>, delta: ToolCallDelta) {
    let index = delta.index as usize;
    // A gap in the indices is filled at the end: a server that counts from 1 makes no empty call.
    let index = index.min(calls.len());
    if index == calls.len() {
        calls.push(ToolCall {
            id: String::new(),
            function: None,
            extra: Map::new(),
            nulls: Nulls::default(),
        });
    }
    let Some(call) = calls.get_mut(index) else { return };
    if let Some(id) = delta.id {
        call.id = id;
    }
    call.extra.extend(delta.extra);
    if let Some(more) = delta.function {
        let function = call.function.get_or_insert_with(|| FunctionCall {
            name: String::new(),
            arguments: String::new(),
            extra: Map::new(),
            nulls: Nulls::default(),
        });
        function.name.push_str(&more.name.unwrap_or_default());
        function.arguments.push_str(&more.arguments.unwrap_or_default());
    }
}
