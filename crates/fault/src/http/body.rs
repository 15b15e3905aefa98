use ::http::StatusCode;
use serde_json::{Map, Value};

/// An error object as a server sent it, read leniently: every dialect, whatever is missing.
///
/// # Examples
///
/// ```
/// use mainstay_fault::http::ErrorBody;
///
/// let body = ErrorBody::parse(br#"{"error":{"code":400,"message":"too long","type":"exceed_context_size_error"}}"#)
///     .expect("an error object");
/// assert_eq!(body.message.as_deref(), Some("too long"));
/// assert_eq!(body.kind.as_deref(), Some("exceed_context_size_error"));
/// assert_eq!(body.code.as_deref(), Some("400"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorBody {
    /// The server's words for people.
    pub message: Option<String>,
    /// The code; a number is kept as its digits.
    pub code: Option<String>,
    /// The error's `type`.
    pub kind: Option<String>,
    /// The request's parameter that the error is about.
    pub param: Option<String>,
    /// The more exact code that Azure nests in `innererror`.
    pub inner_code: Option<String>,
    /// The HTTP status that the body states, where its code is one.
    pub status: Option<StatusCode>,
}

// === impl ErrorBody ===

impl ErrorBody {
    /// Parses a body. `None` if it is not JSON, or JSON that states no error.
    ///
    /// Known shapes: `{"error": {…}}` (OpenAI, Azure, Anthropic, llama.cpp), the same in an array (Google),
    /// `{"error": "…"}` (Ollama, TGI), the error's fields at the top (vLLM), `{"detail": …}` (FastAPI).
    pub fn parse(body: &[u8]) -> Option<Self> {
        Self::from_value(&serde_json::from_slice(body).ok()?)
    }

    /// Reads an error object out of parsed JSON, in the shapes of [`parse`](Self::parse).
    pub fn from_value(value: &Value) -> Option<Self> {
        let object = match value {
            Value::Array(items) => items.first()?.as_object()?,
            Value::Object(object) => object,
            _ => return None,
        };
        match object.get("error") {
            Some(Value::Object(error)) => Some(Self::from_fields(error)),
            Some(Value::String(message)) => {
                Some(Self { message: Some(message.clone()), ..Self::from_fields(object) })
            }
            _ => Self::from_top(object),
        }
    }

    /// vLLM puts the fields at the top, Azure's gateway too, FastAPI says `detail`.
    fn from_top(object: &Map<String, Value>) -> Option<Self> {
        let states_error = object.get("object").and_then(Value::as_str) == Some("error")
            || object.contains_key("statusCode") && object.contains_key("message");
        if states_error {
            return Some(Self::from_fields(object));
        }
        let message = match object.get("detail")? {
            Value::String(detail) => detail.clone(),
            detail => detail.to_string(),
        };
        Some(Self { message: Some(message), ..Self::default() })
    }

    fn from_fields(error: &Map<String, Value>) -> Self {
        let text = |name: &str| error.get(name).and_then(as_text);
        let code = text("code").or_else(|| text("statusCode"));
        let status = code.as_deref().and_then(|code| code.parse().ok()).or_else(|| {
            let status = error.get("status")?.as_u64()?;
            StatusCode::from_u16(u16::try_from(status).ok()?).ok()
        });
        Self {
            message: text("message"),
            kind: text("type").or_else(|| error.get("status").and_then(Value::as_str).map(str::to_owned)),
            param: text("param"),
            inner_code: error.get("innererror").and_then(|inner| inner.get("code")).and_then(as_text),
            code,
            status,
        }
    }
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
