use std::{fmt, sync::Arc, time::Duration};

use tower_service::Service;

use crate::{
    ChatRequest, ChatResponse, ClientBuilder, EmbeddingRequest, EmbeddingResponse, InvalidSetting,
    ListModels, ModelList, ResponseFuture, StreamFuture, Streaming, endpoint::Endpoint, headers::Headers,
};

/// A client of an OpenAI-compatible API: a [`tower::Service`](tower_service::Service) of [`ChatRequest`],
/// [`EmbeddingRequest`] and [`ListModels`], and with [`streaming`](Self::streaming) one whose answers are streams.
///
/// It tries each call once: what to do about a failure is up to the layers above, which judge it by its
/// [`Fault`](mainstay_fault::Fault).
///
/// # Clone
///
/// Cheap: clones share their connections.
///
/// # Readiness
///
/// Always ready.
///
/// # Cancel safety
///
/// Dropping a call's future, or a stream before its end, closes its connection.
///
/// # Examples
///
/// ```no_run
/// use mainstay_openai_client::{ChatRequest, Client};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::from_env()?;
/// let answer = client.chat(ChatRequest::new("gpt-4o-mini").user("What is a mainstay?")).await?;
/// println!("{}", answer.text());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    pub(crate) shared: Arc<Shared>,
}

/// What all clones of a client share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) http: reqwest::Client,
    pub(crate) endpoint: Endpoint,
    pub(crate) headers: Headers,
    pub(crate) timeouts: Timeouts,
    pub(crate) max_response_size: usize,
    /// Whether a call has somewhere else to go; without it, the first-token limit holds whatever comes of it.
    pub(crate) may_move: Option<Arc<MayMove>>,
}

pub(crate) type MayMove = dyn Fn(&ChatRequest) -> bool + Send + Sync;

/// How long one attempt may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    pub(crate) first_token: Option<Duration>,
    pub(crate) between_tokens: Duration,
    pub(crate) total: Duration,
}

// === impl Client ===

impl Client {
    /// Starts to set up a client.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Builds a client from the environment: see [`ClientBuilder::env`].
    ///
    /// # Errors
    ///
    /// As [`ClientBuilder::build`].
    pub fn from_env() -> Result<Self, InvalidSetting> {
        Self::builder().env().build()
    }

    /// Makes a client that differs in how long an attempt may take in all, and shares the connections of this one.
    #[must_use]
    pub fn with_timeout(&self, limit: Duration) -> Self {
        let mut shared = Shared::clone(&self.shared);
        shared.timeouts.total = limit;
        shared.into()
    }

    /// Makes a client that differs in how long a stream may take to its first token, and shares the connections of this one.
    #[must_use]
    pub fn with_first_token_timeout(&self, limit: Duration) -> Self {
        let mut shared = Shared::clone(&self.shared);
        shared.timeouts.first_token = Some(limit);
        shared.into()
    }

    /// Makes a client that differs in how long a stream may take from one token to the next, and shares the connections of this one.
    #[must_use]
    pub fn with_between_tokens_timeout(&self, limit: Duration) -> Self {
        let mut shared = Shared::clone(&self.shared);
        shared.timeouts.between_tokens = limit;
        shared.into()
    }

    /// Asks for a chat completion.
    pub fn chat(&self, request: ChatRequest) -> ResponseFuture<ChatResponse> {
        self.clone().call(request)
    }

    /// Asks for a chat completion as a stream. Resolves at its first token: until then every failure is the future's
    /// error, and may be repaired; after it, an item of the [`ChatStream`](crate::ChatStream).
    pub fn chat_stream(&self, request: ChatRequest) -> StreamFuture {
        self.streaming().call(request)
    }

    /// Asks for embeddings.
    pub fn embed(&self, request: EmbeddingRequest) -> ResponseFuture<EmbeddingResponse> {
        self.clone().call(request)
    }

    /// Asks which models there are.
    pub fn models(&self) -> ResponseFuture<ModelList> {
        self.clone().call(ListModels)
    }

    /// Returns the server's host, with its port if that is not the usual one.
    pub fn host(&self) -> String {
        self.shared.endpoint.host()
    }

    /// Makes the service whose answers are streams.
    pub fn streaming(&self) -> Streaming {
        Streaming(self.clone())
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.shared.endpoint.to_string())
            .field("timeouts", &self.shared.timeouts)
            .finish_non_exhaustive()
    }
}

// === impl Shared ===

impl Shared {
    /// Whether a call whose stream has no token yet may be given up for that.
    pub(crate) fn may_move(&self, request: Option<&ChatRequest>) -> bool {
        match (&self.may_move, request) {
            (Some(may_move), Some(request)) => may_move(request),
            _ => true,
        }
    }
}

// === impl Timeouts ===

impl Default for Timeouts {
    fn default() -> Self {
        Self { first_token: None, between_tokens: Duration::from_secs(60), total: Duration::from_secs(600) }
    }
}
