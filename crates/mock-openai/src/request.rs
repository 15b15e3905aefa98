//! What a request asks for.

mod chat;
mod embeddings;
mod fingerprint;
mod text;

pub(crate) use self::{
    chat::ChatRequest, embeddings::EmbeddingsRequest, fingerprint::fingerprint, text::Text,
};
use crate::refusal::Refusal;

/// A request for a model's work.
pub(crate) enum Request<'a> {
    Chat(ChatRequest<'a>),
    Embeddings(EmbeddingsRequest<'a>),
}

/// Which of them a path asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Chat,
    Embeddings,
}

// === impl Request ===

impl<'a> Request<'a> {
    /// Reads the body of a request; `deployment` is the model where the path names it, as Azure's do.
    pub(crate) fn parse(kind: Kind, body: &'a [u8], deployment: Option<&'a str>) -> Result<Self, Refusal> {
        let mut request = match kind {
            Kind::Chat => {
                Self::Chat(serde_json::from_slice(body).map_err(|error| Refusal::bad_json(&error))?)
            }
            Kind::Embeddings => {
                Self::Embeddings(serde_json::from_slice(body).map_err(|error| Refusal::bad_json(&error))?)
            }
        };
        let model = match &mut request {
            Self::Chat(chat) => &mut chat.model,
            Self::Embeddings(embeddings) => &mut embeddings.model,
        };
        if let Some(deployment) = deployment {
            *model = Some(Text::from(deployment));
        }
        if model.as_ref().is_none_or(|model| model.is_empty()) {
            return Err(Refusal::missing("model"));
        }
        match &request {
            Self::Chat(chat) => chat.check()?,
            Self::Embeddings(embeddings) => embeddings.check()?,
        }
        Ok(request)
    }

    pub(crate) fn model(&self) -> &str {
        let model = match self {
            Self::Chat(chat) => &chat.model,
            Self::Embeddings(embeddings) => &embeddings.model,
        };
        model.as_deref().unwrap_or_default()
    }

    pub(crate) fn prompt_tokens(&self) -> u64 {
        match self {
            Self::Chat(chat) => chat.prompt_tokens(),
            Self::Embeddings(embeddings) => embeddings.prompt_tokens(),
        }
    }

    /// The most tokens that the answer may have, as far as the request says.
    pub(crate) fn max_tokens(&self) -> u64 {
        match self {
            Self::Chat(chat) => chat.max_tokens().unwrap_or(0).saturating_mul(chat.choices()),
            Self::Embeddings(_) => 0,
        }
    }

    /// A hash of the prompt alone, whatever the model and the settings.
    pub(crate) fn prompt_hash(&self) -> u64 {
        match self {
            Self::Chat(chat) => chat.prompt_hash(),
            Self::Embeddings(embeddings) => embeddings.prompt_hash(),
        }
    }

    pub(crate) fn streams(&self) -> bool {
        matches!(self, Self::Chat(chat) if chat.stream == Some(true))
    }
}
