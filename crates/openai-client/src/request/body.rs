use serde::{Deserialize, Serialize};

use super::ResponseFormat;
use crate::{
    Extra, Message, Tool, ToolChoice,
    object::{Nulls, object},
};

object! {
    /// The body of a chat completion request: the fields that programs set most, and all others in `extra`.
    ///
    /// A typed field wins over one of the same name in `extra`.
    pub struct ChatBody {
        required {
            /// The model, or the name under which a gateway routes the call.
            model: String,
            /// The conversation so far.
            messages: Vec<Message>,
        }
        optional {
            /// The tools that the model may call.
            tools: Vec<Tool>,
            /// Whether the model must call a tool, and which.
            tool_choice: ToolChoice,
            /// Whether several tools may be called at once.
            parallel_tool_calls: bool,
            /// Text, JSON, or JSON after a schema.
            response_format: ResponseFormat,
            /// The sampling temperature, from 0 to 2.
            temperature: f64,
            /// The probability mass that is sampled from, from 0 to 1.
            top_p: f64,
            /// The most tokens of the answer.
            max_tokens: u32,
            /// The most tokens of the answer, reasoning included.
            max_completion_tokens: u32,
            /// How much to think: `none`, `minimal`, `low`, `medium`, `high`, `xhigh`.
            reasoning_effort: String,
            /// How many answers to give.
            n: u32,
            /// Where to stop.
            stop: Stop,
            /// Makes sampling repeatable, as far as the model can.
            seed: i64,
            /// From -2 to 2: above 0, less of what was said often.
            frequency_penalty: f64,
            /// From -2 to 2: above 0, less of what was said at all.
            presence_penalty: f64,
            /// Whether to answer as a stream; each service of this crate sets what it needs when it sends.
            stream: bool,
            /// What a stream shall carry besides the answer.
            stream_options: StreamOptions,
        }
    }
}

object! {
    /// What a stream shall carry besides the answer.
    pub struct StreamOptions {
        optional {
            /// Whether a last chunk shall say the usage.
            include_usage: bool,
        }
    }
}

/// The texts at which the model stops.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Stop {
    /// One text.
    One(String),
    /// Up to four texts.
    Many(Vec<String>),
}

// === impl ChatBody ===

impl ChatBody {
    /// Creates a body without a message yet.
    pub fn new(model: impl Into<String>) -> Self {
        Self {
            model: model.into(),
            messages: Vec::new(),
            tools: None,
            tool_choice: None,
            parallel_tool_calls: None,
            response_format: None,
            temperature: None,
            top_p: None,
            max_tokens: None,
            max_completion_tokens: None,
            reasoning_effort: None,
            n: None,
            stop: None,
            seed: None,
            frequency_penalty: None,
            presence_penalty: None,
            stream: None,
            stream_options: None,
            extra: Extra::new(),
            nulls: Nulls::default(),
        }
    }
}

// === impl StreamOptions ===

impl StreamOptions {
    /// Asks for a last chunk that says the usage.
    pub fn with_usage() -> Self {
        Self { include_usage: Some(true), extra: Extra::new(), nulls: Nulls::default() }
    }
}
