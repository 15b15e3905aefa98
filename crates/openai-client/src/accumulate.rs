use futures_core::Stream;
use futures_util::StreamExt;
use http::HeaderMap;
use serde_json::{Map, Value};

use crate::{
    ChatChunk, ChatResponse, Choice, Content, Delta, Extra, FunctionCall, Message, Role, ToolCall,
    ToolCallDelta, object::Nulls,
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
    answers: Vec<Answer>,
}

/// One answer as far as it has come.
#[derive(Clone, Debug)]
struct Answer {
    choice: Choice,
    /// The index under which each of its calls of tools came, in order.
    calls: Vec<u32>,
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
            let Answer { choice, calls } = self.answer(part.index);
            if let Some(reason) = part.ended() {
                choice.finish_reason = Some(reason.clone());
            }
            grow(&mut choice.message, calls, part.delta);
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
                for (said, more) in [(&mut head.id, chunk.id), (&mut head.model, chunk.model)] {
                    if said.is_empty() {
                        *said = more;
                    }
                }
                head.created =
                    head.created.filter(|created| *created != 0).or(chunk.created).or(head.created);
                head.service_tier = chunk.service_tier.or(head.service_tier.take());
                head.system_fingerprint = chunk.system_fingerprint.or(head.system_fingerprint.take());
                head.extra.extend(chunk.extra);
            }
        }
    }

    /// Returns the response as far as it has come. The headers are those of the stream's response.
    pub fn finish(mut self, headers: HeaderMap) -> ChatResponse {
        self.answers.sort_by_key(|answer| answer.choice.index);
        let mut whole = ChatResponse {
            choices: self.answers.into_iter().map(|answer| answer.choice).collect(),
            object: Some("chat.completion".to_owned()),
            headers,
            ..ChatResponse::empty()
        };
        if let Some(head) = self.head {
            (whole.id, whole.model, whole.created, whole.usage) =
                (head.id, head.model, head.created, head.usage);
            (whole.service_tier, whole.system_fingerprint) = (head.service_tier, head.system_fingerprint);
            whole.extra = head.extra.into_iter().filter(|(_, value)| !value.is_null()).collect();
        }
        whole
    }

    fn answer(&mut self, index: u32) -> &mut Answer {
        let known = self.answers.iter().position(|answer| answer.choice.index == index);
        let place = known.unwrap_or_else(|| {
            self.answers.push(Answer::new(index));
            self.answers.len() - 1
        });
        self.answers.get_mut(place).expect("it was found or pushed just now")
    }
}

// === impl Answer ===

impl Answer {
    fn new(index: u32) -> Self {
        let choice = Choice {
            message: Message { content: None, ..Message::assistant("") },
            index,
            finish_reason: None,
            logprobs: None,
            extra: Extra::new(),
            nulls: Nulls::default(),
        };
        Self { choice, calls: Vec::new() }
    }
}

/// Adds to a message what a delta says.
fn grow(message: &mut Message, calls: &mut Vec<u32>, delta: Delta) {
    if let Some(role) = delta.role {
        message.role = if role.as_str().is_empty() { Role::Assistant } else { role };
    }
    if let Some(more) = delta.content {
        say(message, Content::Text(more));
    }
    if let Some(more) = delta.refusal {
        message.refusal.get_or_insert_default().push_str(&more);
    }
    for call in delta.tool_calls.into_iter().flatten() {
        grow_call(message.tool_calls.get_or_insert_default(), calls, call);
    }
    if let Some(more) = delta.annotations {
        message.annotations.get_or_insert_default().extend(more);
    }
    for (name, more) in delta.extra {
        if name == "content" && !more.is_null() {
            say(message, Content::in_parts(more));
        } else {
            add(&mut message.extra, name, more, true);
        }
    }
}

fn say(message: &mut Message, more: Content) {
    match &mut message.content {
        Some(content) => content.push(more),
        none => *none = Some(more),
    }
}

/// Adds to a field that is not typed: to a text, if such a one comes in pieces.
fn add(fields: &mut Map<String, Value>, name: String, more: Value, in_pieces: bool) {
    match (fields.get_mut(&name), more) {
        (_, Value::Null) => {}
        (Some(Value::String(text)), Value::String(more)) if in_pieces => text.push_str(&more),
        (Some(known), more) => join(known, more),
        (None, more) => _ = fields.insert(name, more),
    }
}

/// What comes in pieces of the objects that are not typed: sound, and what is said in it.
const PIECES: [&str; 2] = ["data", "transcript"];

/// Puts likelihoods, or details of reasoning, behind those that came before: lists are joined, by their names.
fn join(lists: &mut Value, more: Value) {
    match (lists, more) {
        (Value::Object(lists), Value::Object(more)) => {
            for (name, more) in more {
                let in_pieces = PIECES.contains(&&*name);
                add(lists, name, more, in_pieces);
            }
        }
        (Value::Array(list), Value::Array(more)) => list.extend(more),
        (_, Value::Null) => {}
        (lists, more) => *lists = more,
    }
}

/// Adds to the calls of tools what a delta says of one of them. They stand in the order of the indices under which they came.
fn grow_call(calls: &mut Vec<ToolCall>, indices: &mut Vec<u32>, delta: ToolCallDelta) {
    let place = known_call(calls, indices, &delta).unwrap_or_else(|| {
        let place = indices.partition_point(|other| *other <= delta.index);
        indices.insert(place, delta.index);
        calls.insert(place, ToolCall::empty());
        place
    });
    let Some(call) = calls.get_mut(place) else { return };
    if call.id.is_empty() {
        call.id = delta.id.unwrap_or_default();
    }
    call.extra.extend(delta.extra.into_iter().filter(|(_, value)| !value.is_null()));
    if let Some(more) = delta.function {
        let function = call.function.get_or_insert_with(FunctionCall::empty);
        // Some servers write a name in pieces, and some write all of it with each piece of the arguments.
        let name = more.name.filter(|name| *name != function.name);
        function.name.push_str(&name.unwrap_or_default());
        function.arguments.push_str(&more.arguments.unwrap_or_default());
        function.extra.extend(more.extra.into_iter().filter(|(_, value)| !value.is_null()));
    }
}

/// The place of the call that a delta adds to; none, where it begins one.
///
/// Servers count from 0 or 1, or give all calls the same index or none: another id under an index is another call, if a function is named
/// with it. Some make up an id for each piece: what names none, or has no id, belongs to the last call there.
fn known_call(calls: &[ToolCall], indices: &[u32], delta: &ToolCallDelta) -> Option<usize> {
    let id = delta.id.as_deref().unwrap_or_default();
    let name = delta.function.as_ref().and_then(|function| function.name.as_deref());
    let begins = !id.is_empty() && name.is_some_and(|name| !name.is_empty());
    let there =
        || calls.iter().zip(indices).enumerate().rev().filter(|(_, (_, other))| **other == delta.index);
    let named = there().find(|(_, (call, _))| !id.is_empty() && call.id == id);
    let open = || there().next().filter(|(_, (call, _))| !begins || call.id.is_empty());
    named.or_else(open).map(|(place, _)| place)
}
