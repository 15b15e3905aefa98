use std::{borrow::Cow, iter};

use serde_json::Value;

use crate::{Extra, FinishReason, Role, Usage, content::joined, object::object, parts};

object! {
    /// One chunk of a streamed chat completion.
    pub struct ChatChunk {
        required {
            /// What each answer adds; empty in the chunk that says the usage.
            choices: Vec<ChunkChoice>,
        }
        default {
            /// The provider's name for this completion, the same in all its chunks.
            id: String,
            /// The model that answers, as the provider names it.
            model: String,
        }
        optional {
            /// What kind of object it is: `chat.completion.chunk`.
            object: String,
            /// The tokens that were billed, in the last chunk, if they were asked for.
            usage: Usage,
            /// How the provider has ranked the call, and what it is priced by.
            service_tier: String,
            /// What the answer is made with: another one may answer otherwise to the same seed.
            system_fingerprint: String,
        }
        loose {
            /// When the answer was begun, in seconds since 1970, the same in all its chunks; a fraction, as some servers say, is in `extra`.
            created: u64,
        }
    }
}

object! {
    /// What a chunk adds to one answer.
    pub struct ChunkChoice {
        default {
            /// The answer's place among the choices.
            index: u32,
            /// What is added.
            delta: Delta,
        }
        optional {
            /// Why the answer ended, in its last chunk.
            finish_reason: FinishReason,
            /// The likelihood of each token that is added, if the request asked for it.
            logprobs: Value,
        }
    }
}

object! {
    /// What a chunk adds to a message.
    #[derive(Default)]
    pub struct Delta {
        optional {
            /// Who speaks, in the first chunk.
            role: Role,
            /// More of a refusal.
            refusal: String,
            /// More of the calls of tools.
            tool_calls: Vec<ToolCallDelta>,
            /// More of what the answer refers to, such as pages of the web.
            annotations: Vec<Value>,
        }
        loose {
            /// More text. What some models send in its place, parts such as thoughts, is in `extra` under its name, and
            /// [`text`](Delta::text) reads both.
            content: String,
        }
    }
}

object! {
    /// More of a call of a tool.
    pub struct ToolCallDelta {
        default {
            /// The call's place among the calls of the answer.
            index: u32,
        }
        optional {
            /// The call's id, in its first chunk.
            id: String,
            /// More of the function's name and arguments.
            function: FunctionCallDelta,
        }
    }
}

object! {
    /// More of a call of a function.
    pub struct FunctionCallDelta {
        optional {
            /// The name, in the first chunk.
            name: String,
            /// More of the arguments.
            arguments: String,
        }
    }
}

// === impl ChatChunk ===

impl ChatChunk {
    /// Returns what the chunk adds to the first answer's text, empty if nothing.
    ///
    /// Borrows, unless a content in parts has several texts.
    pub fn text(&self) -> Cow<'_, str> {
        let first = self.choices.iter().find(|choice| choice.index == 0);
        first.map(|choice| choice.delta.text()).unwrap_or_default()
    }

    /// Leaves out the usage, even one that came as `null`: for callers who have not asked for it.
    #[must_use]
    pub fn without_usage(mut self) -> Self {
        self.usage = None;
        self.forget_null("usage");
        self
    }

    /// Its fields that are not typed, and those of its parts.
    pub(crate) fn extras(&self) -> impl Iterator<Item = &Extra> {
        iter::once(&self.extra).chain(self.choices.iter().map(|choice| &choice.extra))
    }

    /// Tells whether the chunk carries a token: text, a refusal, a call, or reasoning, but not a role alone.
    pub fn has_token(&self) -> bool {
        self.choices.iter().any(|choice| choice.delta.has_token())
    }
}

// === impl ChunkChoice ===

impl ChunkChoice {
    /// Returns why the answer ended, if it has. A server that writes an empty reason, or `"null"` as text, gives none.
    pub fn ended(&self) -> Option<&FinishReason> {
        self.finish_reason.as_ref().filter(|reason| !matches!(reason.as_str(), "" | "null"))
    }
}

// === impl Delta ===

impl Delta {
    /// Returns what it adds to the answer's text, empty if nothing: of a content in parts, the parts that are text.
    ///
    /// # Examples
    ///
    /// ```
    /// use mainstay_openai_client::Delta;
    ///
    /// let plain: Delta = serde_json::from_str(r#"{"content": "The sea"}"#)?;
    /// assert_eq!((plain.text().as_ref(), plain.has_other_parts()), ("The sea", false));
    ///
    /// let parts = r#"{"content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "The sea"}]}"#;
    /// let parts: Delta = serde_json::from_str(parts)?;
    /// assert_eq!((parts.text().as_ref(), parts.has_other_parts()), ("The sea", true));
    /// # Ok::<_, serde_json::Error>(())
    /// ```
    pub fn text(&self) -> Cow<'_, str> {
        joined(self.content.as_deref().into_iter().chain(self.parts().iter().filter_map(parts::text)))
    }

    /// Tells whether its content has parts that are no text, such as thoughts, which [`text`](Self::text) leaves out.
    pub fn has_other_parts(&self) -> bool {
        self.parts().iter().any(|part| parts::text(part).is_none())
    }

    /// What came in the place of text.
    fn parts(&self) -> &[Value] {
        self.extra.get("content").map(parts::parts).unwrap_or_default()
    }

    /// Returns all the text that it adds: of the answer, its thoughts, a refusal, the calls of tools, and fields that are not typed, such as
    /// reasoning (`reasoning_content`).
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let functions = self.tool_calls.iter().flatten().filter_map(|call| call.function.as_ref());
        let calls = functions.flat_map(|function| function.name.iter().chain(&function.arguments));
        let said = self.content.iter().chain(&self.refusal).chain(calls).map(String::as_str);
        let parts = self.parts().iter().flat_map(parts::said);
        said.chain(self.extra.values().filter_map(Value::as_str)).chain(parts)
    }

    /// Tells whether it carries a token. A field that is not typed counts if there is anything in it: that is how
    /// reasoning (`reasoning_content`) and audio come.
    pub fn has_token(&self) -> bool {
        let says = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        says(&self.content)
            || says(&self.refusal)
            || self.tool_calls.as_ref().is_some_and(|calls| !calls.is_empty())
            || self.annotations.as_ref().is_some_and(|annotations| !annotations.is_empty())
            || self.extra.values().any(|value| !is_blank(value))
    }
}

/// Whether a value says nothing.
pub(crate) fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}
