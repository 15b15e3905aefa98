use std::borrow::Cow;

use http::HeaderMap;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    Extra, Message, ToolCall, Usage,
    object::{Nulls, object, strings},
};

object! {
    /// A whole chat completion.
    ///
    /// # Examples
    ///
    /// ```
    /// use mainstay_openai_client::{ChatResponse, FinishReason};
    ///
    /// let response: ChatResponse = serde_json::from_str(r#"{
    ///     "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o",
    ///     "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello!"}, "finish_reason": "stop"}]
    /// }"#)?;
    /// assert_eq!(response.text(), "Hello!");
    /// assert_eq!(response.finish_reason(), Some(&FinishReason::Stop));
    /// # Ok::<_, serde_json::Error>(())
    /// ```
    pub struct ChatResponse {
        required {
            /// The answers: one, unless the request asked for more.
            choices: Vec<Choice>,
        }
        default {
            /// The provider's name for this completion.
            id: String,
            /// The model that answered, as the provider names it.
            model: String,
        }
        optional {
            /// What kind of object it is: `chat.completion`.
            object: String,
            /// The tokens that were billed, if the provider says.
            usage: Usage,
            /// How the provider has ranked the call, and what it is priced by.
            service_tier: String,
            /// What the answer was made with: another one may answer otherwise to the same seed.
            system_fingerprint: String,
        }
        loose {
            /// When it was made, in seconds since 1970; a fraction, as some servers say, is in `extra`.
            created: u64,
        }
        local {
            /// The headers of the response: rate limits, request id, processing time. Not a part of the JSON.
            headers: HeaderMap,
        }
    }
}

object! {
    /// One answer.
    pub struct Choice {
        required {
            /// What the model says.
            message: Message,
        }
        default {
            /// The answer's place among the choices.
            index: u32,
        }
        optional {
            /// Why the answer ended.
            finish_reason: FinishReason,
            /// The likelihood of each token, if the request asked for it.
            logprobs: Value,
        }
    }
}

strings! {
    /// Why an answer ended.
    pub enum FinishReason {
        /// The model had said all, or came to a stop text.
        Stop = "stop",
        /// The limit of tokens was reached: the answer is cut.
        Length = "length",
        /// The model calls tools.
        ToolCalls = "tool_calls",
        /// A policy left something out.
        ContentFilter = "content_filter",
        /// The model calls a function, in the API's older form.
        FunctionCall = "function_call",
    }
}

// === impl ChatResponse ===

impl ChatResponse {
    /// Makes an answer that no server gave: a rule's, a set one.
    ///
    /// # Examples
    ///
    /// ```
    /// use mainstay_openai_client::ChatResponse;
    ///
    /// let answer = ChatResponse::from_text("rules", r#"{"category": "unknown"}"#);
    /// assert_eq!(answer.model, "rules");
    /// assert_eq!(answer.json::<serde_json::Value>()?["category"], "unknown");
    /// # Ok::<_, serde_json::Error>(())
    /// ```
    pub fn from_text(model: impl Into<String>, text: impl Into<String>) -> Self {
        let choice = Choice {
            message: Message::assistant(text.into()),
            index: 0,
            finish_reason: Some(FinishReason::Stop),
            logprobs: None,
            extra: Extra::new(),
            nulls: Nulls::default(),
        };
        Self { choices: vec![choice], model: model.into(), ..Self::empty() }
    }

    pub(crate) fn empty() -> Self {
        Self {
            choices: Vec::new(),
            id: String::new(),
            model: String::new(),
            object: None,
            created: None,
            usage: None,
            service_tier: None,
            system_fingerprint: None,
            headers: HeaderMap::new(),
            extra: Extra::new(),
            nulls: Nulls::default(),
        }
    }

    /// Returns the first answer's text, empty if there is none.
    pub fn text(&self) -> Cow<'_, str> {
        self.choices.first().map(|choice| choice.message.text()).unwrap_or_default()
    }

    /// Parses the first answer's text as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_str(&self.text())
    }

    /// Returns the tools that the first answer wants called.
    pub fn tool_calls(&self) -> &[ToolCall] {
        self.choices.first().and_then(|choice| choice.message.tool_calls.as_deref()).unwrap_or_default()
    }

    /// Returns why the first answer ended.
    pub fn finish_reason(&self) -> Option<&FinishReason> {
        self.choices.first()?.finish_reason.as_ref()
    }

    /// Returns the provider's name for the request, to quote to its support.
    pub fn request_id(&self) -> Option<&str> {
        self.headers.get("x-request-id")?.to_str().ok()
    }
}

// === impl Choice ===

impl Choice {
    /// Tells whether the answer says nothing at all: no text, no refusal, no call.
    pub(crate) fn is_silent(&self) -> bool {
        let Message { content, refusal, tool_calls, .. } = &self.message;
        content.as_ref().is_none_or(crate::Content::is_empty)
            && refusal.as_ref().is_none_or(String::is_empty)
            && tool_calls.as_ref().is_none_or(Vec::is_empty)
    }
}
