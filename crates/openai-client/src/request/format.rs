use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

/// The form in which the model shall answer.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ResponseFormat {
    /// Text.
    Text,
    /// A JSON object of whatever shape the prompt describes.
    JsonObject,
    /// JSON after a schema: the value of `json_schema` (`name`, `schema`, `strict`, `description`).
    JsonSchema(Value),
    /// Anything else that the API takes, as it is.
    Other(Value),
}

// === impl ResponseFormat ===

impl ResponseFormat {
    /// Creates the format of JSON that follows a schema strictly.
    pub fn json_schema(name: impl Into<String>, schema: impl Into<Value>) -> Self {
        let (name, schema) = (name.into(), schema.into());
        Self::JsonSchema(json!({"name": name, "schema": schema, "strict": true}))
    }

    /// Tells whether the answer shall be JSON.
    pub fn is_json(&self) -> bool {
        matches!(self, Self::JsonObject | Self::JsonSchema(_))
    }
}

impl Serialize for ResponseFormat {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text => json!({"type": "text"}).serialize(serializer),
            Self::JsonObject => json!({"type": "json_object"}).serialize(serializer),
            Self::JsonSchema(schema) => {
                json!({"type": "json_schema", "json_schema": schema}).serialize(serializer)
            }
            Self::Other(value) => value.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ResponseFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let Some(fields) = value.as_object() else { return Ok(Self::Other(value)) };
        Ok(match (fields.get("type").and_then(Value::as_str), fields.get("json_schema"), fields.len()) {
            (Some("text"), None, 1) => Self::Text,
            (Some("json_object"), None, 1) => Self::JsonObject,
            (Some("json_schema"), Some(schema), 2) => Self::JsonSchema(schema.clone()),
            _ => Self::Other(value),
        })
    }
}
