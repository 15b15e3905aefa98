//! `POST /v1/embeddings`.

use serde::Deserialize;
use serde_json::Value;

use super::Text;
use crate::{
    chance::{hash, mix},
    refusal::Refusal,
    tokens,
};

/// What this server heeds of an embeddings request.
#[derive(Deserialize)]
pub(crate) struct EmbeddingsRequest<'a> {
    #[serde(borrow)]
    pub(crate) model: Option<Text<'a>>,
    input: Option<Value>,
    dimensions: Option<usize>,
    #[serde(borrow)]
    encoding_format: Option<Text<'a>>,
}

// === impl EmbeddingsRequest ===

impl EmbeddingsRequest<'_> {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if self.input.is_none() {
            return Err(Refusal::missing("input"));
        }
        match self.dimensions {
            Some(dimensions @ (0 | 16_385..)) => Err(Refusal::invalid_value(
                "dimensions",
                &dimensions.to_string(),
                "expected a value from 1 to 16384",
            )),
            _ => Ok(()),
        }
    }

    /// One hash for each vector that is asked for.
    ///
    /// The input is a text, an array of texts, an array of tokens, or an array of arrays of tokens.
    pub(crate) fn inputs(&self) -> Vec<u64> {
        let of = |input: &Value| {
            input.as_str().map_or_else(|| hash(input.to_string().as_bytes()), |text| hash(text.as_bytes()))
        };
        match &self.input {
            Some(Value::Array(many)) if many.first().is_some_and(|first| !first.is_number()) => {
                many.iter().map(of).collect()
            }
            Some(one) => vec![of(one)],
            None => Vec::new(),
        }
    }

    /// How long each vector is; 1536 unless asked otherwise, as `text-embedding-3-small` has it.
    pub(crate) fn dimensions(&self) -> usize {
        self.dimensions.unwrap_or(1536)
    }

    pub(crate) fn wants_base64(&self) -> bool {
        self.encoding_format.as_deref() == Some("base64")
    }

    pub(super) fn prompt_tokens(&self) -> u64 {
        fn of(input: &Value) -> u64 {
            match input {
                Value::String(text) => tokens::count(text),
                Value::Array(many) => many.iter().map(of).sum(),
                _ => 1,
            }
        }
        self.input.as_ref().map_or(0, of)
    }

    pub(super) fn prompt_hash(&self) -> u64 {
        self.inputs().into_iter().fold(0, mix)
    }
}
