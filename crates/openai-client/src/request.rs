mod body;
mod format;

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};

pub use body::{ChatBody, Stop, StreamOptions};
pub use format::ResponseFormat;
use mainstay_fault::{Call, HasCall};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use tokio::time::Instant;

use crate::{Content, Message, Tool, ToolChoice};

/// A chat completion to ask for: the body that is sent, and the [`Call`] that travels with it.
///
/// It dereferences to its [`ChatBody`], so that every field can be read and written directly.
///
/// # Clone
///
/// Cloning is cheap: the body is shared until one of the clones is written to, then copied. So a layer that keeps a
/// request for its next attempt copies no prompt.
///
/// # Examples
///
/// ```
/// use mainstay_openai_client::ChatRequest;
/// use serde_json::json;
///
/// let request = ChatRequest::new("gpt-4o")
///     .system("You read licences.")
///     .user("Who holds the copyright of zlib?")
///     .json_schema("holders", json!({
///         "type": "object",
///         "properties": {"holders": {"type": "array", "items": {"type": "string"}}},
///         "required": ["holders"],
///         "additionalProperties": false,
///     }))
///     .temperature(0.0)
///     .key("zlib-1.3");
///
/// assert_eq!(request.messages.len(), 2);
/// assert_eq!(serde_json::to_value(&request).unwrap()["model"], "gpt-4o");
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(from = "ChatBody")]
pub struct ChatRequest {
    body: Arc<ChatBody>,
    call: Call,
}

// === impl ChatRequest ===

impl ChatRequest {
    /// Creates a request to a model, without a message yet.
    pub fn new(model: impl Into<String>) -> Self {
        ChatBody::new(model).into()
    }

    /// Adds a message.
    #[must_use]
    pub fn message(mut self, message: Message) -> Self {
        self.messages.push(message);
        self
    }

    /// Adds instructions.
    #[must_use]
    pub fn system(self, content: impl Into<Content>) -> Self {
        self.message(Message::system(content))
    }

    /// Adds instructions, for newer models.
    #[must_use]
    pub fn developer(self, content: impl Into<Content>) -> Self {
        self.message(Message::developer(content))
    }

    /// Adds what the user says: text, or [parts](crate::Part) with images among them.
    #[must_use]
    pub fn user(self, content: impl Into<Content>) -> Self {
        self.message(Message::user(content))
    }

    /// Adds what the model said before.
    #[must_use]
    pub fn assistant(self, content: impl Into<Content>) -> Self {
        self.message(Message::assistant(content))
    }

    /// Adds the answer of a tool to the call of the given id.
    #[must_use]
    pub fn tool_result(self, call_id: impl Into<String>, content: impl Into<Content>) -> Self {
        self.message(Message::tool_result(call_id, content))
    }

    /// Adds a tool that the model may call.
    #[must_use]
    pub fn tool(mut self, tool: Tool) -> Self {
        self.tools.get_or_insert_default().push(tool);
        self
    }

    /// Says whether the model must call a tool, and which.
    #[must_use]
    pub fn tool_choice(mut self, choice: ToolChoice) -> Self {
        self.tool_choice = Some(choice);
        self
    }

    /// Asks for JSON that follows a schema strictly.
    #[must_use]
    pub fn json_schema(mut self, name: impl Into<String>, schema: impl Into<Value>) -> Self {
        self.response_format = Some(ResponseFormat::json_schema(name, schema));
        self
    }

    /// Asks for a JSON object of whatever shape the prompt describes.
    #[must_use]
    pub fn json_object(mut self) -> Self {
        self.response_format = Some(ResponseFormat::JsonObject);
        self
    }

    /// Sets the sampling temperature, from 0 (the likeliest token) to 2.
    #[must_use]
    pub fn temperature(mut self, temperature: f64) -> Self {
        self.temperature = Some(temperature);
        self
    }

    /// Limits the answer's tokens as `max_tokens`, which every compatible server knows.
    #[must_use]
    pub fn max_tokens(mut self, tokens: u32) -> Self {
        self.max_tokens = Some(tokens);
        self
    }

    /// Limits the answer's tokens, reasoning included, as `max_completion_tokens`, which newer models ask for.
    #[must_use]
    pub fn max_completion_tokens(mut self, tokens: u32) -> Self {
        self.max_completion_tokens = Some(tokens);
        self
    }

    /// Sets a field that has no method here, by its name in the API.
    #[must_use]
    pub fn set(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.extra.insert(name.into(), value.into());
        self
    }

    /// Sets the idempotency key, sent with every attempt of the call.
    #[must_use]
    pub fn key(mut self, key: impl Into<Arc<str>>) -> Self {
        self.call.key = Some(key.into());
        self
    }

    /// Lets the call be made anew if an execution under its key was cut off by a crash, and nobody knows what came of it.
    #[must_use]
    pub fn retry_unknown(mut self) -> Self {
        self.call.retry_unknown = true;
        self
    }

    /// Sets the moment by which the whole call must have ended, whatever is tried for it.
    #[must_use]
    pub fn deadline(mut self, deadline: Instant) -> Self {
        self.call.deadline = Some(deadline);
        self
    }
}

impl From<ChatBody> for ChatRequest {
    fn from(body: ChatBody) -> Self {
        Self { body: Arc::new(body), call: Call::default() }
    }
}

impl Serialize for ChatRequest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.body.serialize(serializer)
    }
}

impl Deref for ChatRequest {
    type Target = ChatBody;

    fn deref(&self) -> &ChatBody {
        &self.body
    }
}

impl DerefMut for ChatRequest {
    /// Copies the body first if a clone of the request still shares it.
    fn deref_mut(&mut self) -> &mut ChatBody {
        Arc::make_mut(&mut self.body)
    }
}

impl HasCall for ChatRequest {
    fn call(&self) -> Option<&Call> {
        Some(&self.call)
    }

    fn call_mut(&mut self) -> Option<&mut Call> {
        Some(&mut self.call)
    }
}
