mod vector;

use http::HeaderMap;
use mainstay_fault::{Call, HasCall};
use serde::{Deserialize, Serialize};
pub use vector::{InvalidVector, Vector};

use crate::{
    Extra, Usage,
    object::{Nulls, object},
};

object! {
    /// Texts to embed, and the [`Call`] that travels with them.
    ///
    /// # Examples
    ///
    /// ```
    /// use mainstay_openai_client::EmbeddingRequest;
    ///
    /// let request = EmbeddingRequest::new("text-embedding-3-small", ["a licence", "a copyright"]);
    /// assert_eq!(serde_json::to_value(&request).unwrap()["input"][1], "a copyright");
    /// ```
    pub struct EmbeddingRequest {
        required {
            /// The model.
            model: String,
            /// What to embed.
            input: EmbeddingInput,
        }
        optional {
            /// How many numbers each vector shall have, where the model lets one choose.
            dimensions: u32,
        }
        local {
            /// What travels with the call. Not a part of the JSON.
            call: Call,
        }
    }
}

/// What to embed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum EmbeddingInput {
    /// One text.
    Text(#[serde(serialize_with = "crate::text::serialize")] String),
    /// Several texts.
    Texts(#[serde(serialize_with = "crate::text::serialize_all")] Vec<String>),
    /// One text as tokens.
    Tokens(Vec<u32>),
    /// Several texts as tokens.
    TokenLists(Vec<Vec<u32>>),
}

object! {
    /// Vectors for the texts that were embedded, in their order.
    ///
    /// # Examples
    ///
    /// ```
    /// use mainstay_openai_client::{Client, EmbeddingRequest};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = mainstay_mock_openai::MockOpenAi::builder().start().await?;
    /// # let client = Client::builder().base_url(server.base_url()).build()?;
    /// let mut request = EmbeddingRequest::new("text-embedding-3-small", ["a licence", "a copyright"]);
    /// request.dimensions = Some(256);
    /// let response = client.embed(request).await?;
    /// for embedding in &response.data {
    ///     assert_eq!(embedding.embedding.floats()?.len(), 256);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub struct EmbeddingResponse {
        required {
            /// The vectors.
            data: Vec<Embedding>,
        }
        default {
            /// The model that embedded, as the provider names it.
            model: String,
        }
        optional {
            /// The tokens that were billed, if the provider says.
            usage: Usage,
        }
        local {
            /// The headers of the response. Not a part of the JSON.
            headers: HeaderMap,
        }
    }
}

object! {
    /// One vector.
    pub struct Embedding {
        required {
            /// The numbers, as a list or in base64: see [`Vector::floats`].
            embedding: Vector,
        }
        default {
            /// The place of its text in the input.
            index: u32,
        }
    }
}

// === impl EmbeddingRequest ===

impl EmbeddingRequest {
    /// Creates a request to embed one text or several.
    pub fn new(model: impl Into<String>, input: impl Into<EmbeddingInput>) -> Self {
        Self {
            model: model.into(),
            input: input.into(),
            dimensions: None,
            call: Call::default(),
            extra: Extra::new(),
            nulls: Nulls::default(),
        }
    }
}

impl HasCall for EmbeddingRequest {
    fn call(&self) -> Option<&Call> {
        Some(&self.call)
    }

    fn call_mut(&mut self) -> Option<&mut Call> {
        Some(&mut self.call)
    }
}

// === impl EmbeddingInput ===

impl From<&str> for EmbeddingInput {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for EmbeddingInput {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<String>> for EmbeddingInput {
    fn from(texts: Vec<String>) -> Self {
        Self::Texts(texts)
    }
}

impl<const N: usize> From<[&str; N]> for EmbeddingInput {
    fn from(texts: [&str; N]) -> Self {
        Self::Texts(texts.map(str::to_owned).into())
    }
}
