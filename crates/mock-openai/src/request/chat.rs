//! `POST /v1/chat/completions`.

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::Text;
use crate::{
    chance::{hash, mix},
    refusal::Refusal,
    tokens,
};

/// What every message costs beyond its text, as OpenAI counts it.
const MESSAGE_TOKENS: u64 = 4;

/// What this server heeds of a chat completion request. Fields that it does not know, it ignores.
#[derive(Deserialize)]
pub(crate) struct ChatRequest<'a> {
    #[serde(borrow)]
    pub(crate) model: Option<Text<'a>>,
    #[serde(borrow)]
    messages: Option<Vec<Message<'a>>>,
    pub(crate) stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
    n: Option<u64>,
    stop: Option<Value>,
    #[serde(borrow)]
    response_format: Option<ResponseFormat<'a>>,
    #[serde(borrow)]
    tools: Option<Vec<Tool<'a>>>,
    tool_choice: Option<Value>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    role: Text<'a>,
    #[serde(borrow, default)]
    content: Text<'a>,
}

#[derive(Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

#[derive(Deserialize)]
struct ResponseFormat<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    json_schema: Option<JsonSchema<'a>>,
}

#[derive(Deserialize)]
struct JsonSchema<'a> {
    #[serde(borrow)]
    schema: Option<&'a RawValue>,
}

/// A function that the model may call.
#[derive(Deserialize)]
pub(crate) struct Tool<'a> {
    #[serde(borrow)]
    function: Option<Function<'a>>,
}

#[derive(Deserialize)]
struct Function<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    parameters: Option<&'a RawValue>,
}

// === impl ChatRequest ===

impl ChatRequest<'_> {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        match &self.messages {
            None => return Err(Refusal::missing("messages")),
            Some(messages) if messages.is_empty() => {
                return Err(Refusal::invalid_value(
                    "messages",
                    "[]",
                    "empty array. Expected an array with minimum length 1",
                ));
            }
            Some(_) => {}
        }
        match self.n {
            Some(n @ (0 | 129..)) => {
                Err(Refusal::invalid_value("n", &n.to_string(), "expected a value from 1 to 128"))
            }
            _ => Ok(()),
        }
    }

    /// The last message: what the model is asked for.
    pub(crate) fn prompt(&self) -> &str {
        self.messages().last().map_or("", |message| &message.content)
    }

    pub(crate) fn choices(&self) -> u64 {
        self.n.unwrap_or(1)
    }

    pub(crate) fn max_tokens(&self) -> Option<u64> {
        self.max_completion_tokens.or(self.max_tokens)
    }

    pub(crate) fn include_usage(&self) -> bool {
        self.stream_options.as_ref().is_some_and(|options| options.include_usage)
    }

    pub(crate) fn wants_json(&self) -> bool {
        self.response_format
            .as_ref()
            .is_some_and(|format| matches!(&*format.kind, "json_object" | "json_schema"))
    }

    /// The schema that the answer must have, if one was given.
    pub(crate) fn schema(&self) -> Option<Value> {
        let schema = self.response_format.as_ref()?.json_schema.as_ref()?.schema?;
        serde_json::from_str(schema.get()).ok()
    }

    /// The texts at which an answer ends.
    pub(crate) fn stops(&self) -> impl Iterator<Item = &str> {
        let one = self.stop.as_ref().and_then(Value::as_str);
        let many =
            self.stop.as_ref().and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        one.into_iter().chain(many).filter(|stop| !stop.is_empty())
    }

    /// The function that the request insists on.
    pub(crate) fn required_tool(&self) -> Option<&Tool<'_>> {
        let tools = self.tools.as_ref()?;
        let choice = self.tool_choice.as_ref()?;
        match choice.as_str() {
            Some("required") => tools.first(),
            Some(_) => None,
            None => {
                let name = choice.pointer("/function/name")?.as_str()?;
                tools.iter().find(|tool| tool.name() == name)
            }
        }
    }

    pub(super) fn prompt_tokens(&self) -> u64 {
        let messages = self.messages().iter().map(|message| MESSAGE_TOKENS + tokens::count(&message.content));
        let tools = self
            .tools
            .iter()
            .flatten()
            .map(|tool| tokens::count(tool.name()) + tokens::count(tool.parameters()));
        messages.chain(tools).sum()
    }

    pub(super) fn prompt_hash(&self) -> u64 {
        let texts = self.messages().iter().flat_map(|message| [&message.role, &message.content]);
        texts.fold(0, |state, text| mix(state, hash(text.as_bytes())))
    }

    fn messages(&self) -> &[Message<'_>] {
        self.messages.as_deref().unwrap_or_default()
    }
}

// === impl Tool ===

impl Tool<'_> {
    pub(crate) fn name(&self) -> &str {
        self.function.as_ref().map_or("", |function| &function.name)
    }

    /// The JSON schema of the arguments.
    pub(crate) fn parameters(&self) -> &str {
        self.function.as_ref().and_then(|function| function.parameters).map_or("{}", RawValue::get)
    }
}
