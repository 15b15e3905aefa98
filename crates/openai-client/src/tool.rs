use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

use crate::{
    Extra,
    content::of_type,
    object::{Nulls, object},
};

object! {
    /// A tool that the model may call.
    ///
    /// # Examples
    ///
    /// ```
    /// use mainstay_openai_client::Tool;
    /// use serde_json::json;
    ///
    /// let tool = Tool::function(
    ///     "weather",
    ///     "Tells the weather in a city",
    ///     json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}),
    /// );
    /// assert_eq!(serde_json::to_value(&tool).unwrap()["type"], "function");
    /// ```
    pub struct Tool {
        optional {
            /// The function, where the tool is one.
            function: Function,
        }
    }
}

object! {
    /// A function that the model may call.
    pub struct Function {
        required {
            /// Its name.
            name: String,
        }
        optional {
            /// What it does and when to call it, for the model.
            description: String,
            /// The JSON Schema of its arguments.
            parameters: Value,
            /// Whether the arguments must follow the schema exactly.
            strict: bool,
        }
    }
}

object! {
    /// A call of a tool that the model asks for.
    pub struct ToolCall {
        default {
            /// The id by which the tool's answer refers to the call.
            id: String,
        }
        optional {
            /// The function to call, where the tool is one.
            function: FunctionCall,
        }
    }
}

object! {
    /// A call of a function.
    pub struct FunctionCall {
        required {
            /// The function's name.
            name: String,
        }
        long {
            /// Its arguments: JSON as text, not checked by anybody yet.
            arguments: String,
        }
    }
}

/// Whether the model must call a tool, and which.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ToolChoice {
    /// No tool.
    None,
    /// The model decides.
    Auto,
    /// Some tool.
    Required,
    /// The function of this name.
    Function(String),
    /// Anything else that the API takes, as it is.
    Other(Value),
}

// === impl Tool ===

impl Tool {
    /// Creates a function of which the model knows the name, what it is for, and the JSON Schema of its arguments.
    pub fn function(name: impl Into<String>, description: impl Into<String>, parameters: Value) -> Self {
        let function = Function {
            name: name.into(),
            description: Some(description.into()),
            parameters: Some(parameters),
            strict: None,
            extra: Extra::new(),
            nulls: Nulls::default(),
        };
        Self { function: Some(function), extra: of_type("function"), nulls: Nulls::default() }
    }
}

// === impl ToolCall ===

impl ToolCall {
    /// A call of which nothing is known yet.
    pub(crate) fn empty() -> Self {
        Self { id: String::new(), function: None, extra: Extra::new(), nulls: Nulls::default() }
    }
}

// === impl FunctionCall ===

impl FunctionCall {
    /// A function of which nothing is known yet.
    pub(crate) fn empty() -> Self {
        let (name, arguments) = (String::new(), String::new());
        Self { name, arguments, extra: Extra::new(), nulls: Nulls::default() }
    }

    /// Parses the arguments.
    pub fn parse<T: serde::de::DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_str(&self.arguments)
    }
}

// === impl ToolChoice ===

impl Serialize for ToolChoice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_str("none"),
            Self::Auto => serializer.serialize_str("auto"),
            Self::Required => serializer.serialize_str("required"),
            Self::Function(name) => {
                json!({"type": "function", "function": {"name": name}}).serialize(serializer)
            }
            Self::Other(value) => value.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ToolChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Ok(match value.as_str() {
            Some("none") => Self::None,
            Some("auto") => Self::Auto,
            Some("required") => Self::Required,
            _ => match value.pointer("/function/name").and_then(Value::as_str) {
                Some(name) if value == json!({"type": "function", "function": {"name": name}}) => {
                    Self::Function(name.to_owned())
                }
                _ => Self::Other(value),
            },
        })
    }
}
