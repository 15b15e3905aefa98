//! A chat completion in chunks: server-sent events, one for each token.

use bytes::Bytes;
use serde::Serialize;
use serde_json::json;

use super::{
    Envelope,
    completion::{WireUsage, call_id},
};
use crate::{
    answer::{Answer, Choice, Said},
    tokens,
};

/// One event of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) kind: EventKind,
    pub(crate) bytes: Bytes,
}

/// What an event tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventKind {
    Role,
    Token,
    Finish,
    Usage,
    Done,
    /// Nothing of the answer: what a fault puts in.
    Strange,
}

#[derive(Serialize)]
struct Chunk<'a, D> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    service_tier: &'static str,
    system_fingerprint: &'static str,
    choices: &'a [ChunkChoice<D>],
    /// Absent unless usage was asked for; then `null` in all chunks but the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<UsageField>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum UsageField {
    Null,
    Told(WireUsage),
}

#[derive(Serialize)]
struct ChunkChoice<D> {
    index: usize,
    delta: D,
    logprobs: Option<()>,
    finish_reason: Option<&'static str>,
}

#[derive(Serialize)]
struct Content<'a> {
    content: &'a str,
}

#[derive(Serialize)]
struct Nothing {}

/// Writes an answer as the events of a stream.
pub(crate) fn chunks(answer: &Answer, envelope: &Envelope<'_>, include_usage: bool) -> Vec<Event> {
    let writer = Writer { envelope, include_usage };
    let mut events = Vec::new();
    for (index, choice) in answer.choices.iter().enumerate() {
        events.push(writer.role(index, choice));
    }
    for (index, choice) in answer.choices.iter().enumerate() {
        events.extend(tokens::pieces(choice.said.text()).map(|piece| writer.token(index, choice, piece)));
        events.push(writer.event(EventKind::Finish, index, Nothing {}, Some(choice.finish)));
    }
    if include_usage {
        events.push(writer.usage(answer.usage.into()));
    }
    events.push(Event::new(EventKind::Done, "data: [DONE]\n\n"));
    events
}

/// One event whose content is this text.
pub(crate) fn content_event(text: &str, envelope: &Envelope<'_>) -> Event {
    let delta = Content { content: text };
    Writer { envelope, include_usage: false }.event(EventKind::Strange, 0, delta, None)
}

/// An error within a stream.
pub(crate) fn error_event() -> Event {
    let message = "The server had an error processing your request. Sorry about that!";
    let error = json!({"error": {"message": message, "type": "server_error", "param": null, "code": null}});
    Event::new(EventKind::Strange, format!("data: {error}\n\n"))
}

// === impl EventKind ===

impl EventKind {
    /// How many tokens of the model's answer the event brings; `None` where it is not of the answer.
    pub(crate) const fn tokens(self) -> Option<u64> {
        match self {
            Self::Token => Some(1),
            Self::Role | Self::Finish => Some(0),
            Self::Usage | Self::Done | Self::Strange => None,
        }
    }
}

// === impl Event ===

impl Event {
    pub(crate) fn new(kind: EventKind, bytes: impl Into<Bytes>) -> Self {
        Self { kind, bytes: bytes.into() }
    }
}

struct Writer<'a> {
    envelope: &'a Envelope<'a>,
    include_usage: bool,
}

// === impl Writer ===

impl Writer<'_> {
    fn role(&self, index: usize, choice: &Choice) -> Event {
        let delta = match &choice.said {
            Said::Content(_) => json!({"role": "assistant", "content": "", "refusal": null}),
            Said::Call { name, .. } => {
                let function = json!({"name": name, "arguments": ""});
                let id = call_id(self.envelope, index);
                let call = json!({"index": 0, "id": id, "type": "function", "function": function});
                json!({"role": "assistant", "content": null, "tool_calls": [call]})
            }
        };
        self.event(EventKind::Role, index, delta, None)
    }

    fn token(&self, index: usize, choice: &Choice, piece: &str) -> Event {
        match &choice.said {
            Said::Content(_) => self.event(EventKind::Token, index, Content { content: piece }, None),
            Said::Call { .. } => {
                let call = json!({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]});
                self.event(EventKind::Token, index, call, None)
            }
        }
    }

    fn event(
        &self,
        kind: EventKind,
        index: usize,
        delta: impl Serialize,
        finish: Option<&'static str>,
    ) -> Event {
        let choice = ChunkChoice { index, delta, logprobs: None, finish_reason: finish };
        self.chunk(kind, &[choice], None)
    }

    fn usage(&self, usage: WireUsage) -> Event {
        self.chunk::<Nothing>(EventKind::Usage, &[], Some(usage))
    }

    fn chunk<D: Serialize>(
        &self,
        kind: EventKind,
        choices: &[ChunkChoice<D>],
        usage: Option<WireUsage>,
    ) -> Event {
        let chunk = Chunk {
            id: &self.envelope.id,
            object: "chat.completion.chunk",
            created: self.envelope.created,
            model: self.envelope.model,
            service_tier: "default",
            system_fingerprint: "fp_mock",
            choices,
            usage: self.include_usage.then(|| usage.map_or(UsageField::Null, UsageField::Told)),
        };
        let mut bytes = Vec::with_capacity(256);
        bytes.extend_from_slice(b"data: ");
        // Strings and numbers cannot fail to be written into memory.
        let _ = serde_json::to_writer(&mut bytes, &chunk);
        bytes.extend_from_slice(b"\n\n");
        Event::new(kind, bytes)
    }
}
