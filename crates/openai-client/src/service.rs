use std::{
    sync::Arc,
    task::{Context, Poll},
};

use tower_service::Service;

use crate::{
    ChatRequest, ChatResponse, ChatStream, Client, EmbeddingRequest, EmbeddingResponse, Error, ListModels,
    ModelList, ResponseFuture, StreamFuture, client::Shared,
};

/// The service of a [`Client`] whose answers are streams: see [`Client::streaming`].
///
/// Its future resolves at the first token, so that a layer around it which retries, times out or falls back covers
/// everything up to there.
#[derive(Clone, Debug)]
pub struct Streaming(pub(crate) Client);

// === impl Client ===

impl Service<ChatRequest> for Client {
    type Response = ChatResponse;
    type Error = Error;
    type Future = ResponseFuture<ChatResponse>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: ChatRequest) -> Self::Future {
        self.send_chat(&request)
    }
}

impl Service<EmbeddingRequest> for Client {
    type Response = EmbeddingResponse;
    type Error = Error;
    type Future = ResponseFuture<EmbeddingResponse>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: EmbeddingRequest) -> Self::Future {
        self.send_embeddings(&request)
    }
}

impl Service<ListModels> for Client {
    type Response = ModelList;
    type Error = Error;
    type Future = ResponseFuture<ModelList>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: ListModels) -> Self::Future {
        self.send_models(request)
    }
}

// === impl Streaming ===

impl Streaming {
    /// Lets the first-token limit move calls, and never fail one that has nowhere else to go.
    ///
    /// When the limit has passed without a token, the closure is asked whether the request would be served elsewhere, or sent again, if it failed
    /// now: that is known to whoever stands around the client. What the request says of itself is in its [`Call`](mainstay_fault::Call). If not, the attempt goes on, up to its own timeout and the call's deadline.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use mainstay_fault::HasCall;
    /// use mainstay_openai_client::Client;
    ///
    /// let client = Client::builder()
    ///     .base_url("http://127.0.0.1:8080/v1")
    ///     .first_token_timeout(Duration::from_secs(8))
    ///     .build()?;
    /// // Three attempts are made: the last one waits for as long as it takes.
    /// let patient = client.streaming().moving_if(|request| request.call().is_some_and(|call| call.attempt.get() < 3));
    /// # let _ = patient;
    /// # Ok::<_, mainstay_openai_client::InvalidSetting>(())
    /// ```
    #[must_use]
    pub fn moving_if(self, may_move: impl Fn(&ChatRequest) -> bool + Send + Sync + 'static) -> Self {
        let mut shared = Shared::clone(&self.0.shared);
        shared.may_move = Some(Arc::new(may_move));
        Self(shared.into())
    }
}

impl Service<ChatRequest> for Streaming {
    type Response = ChatStream;
    type Error = Error;
    type Future = StreamFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: ChatRequest) -> Self::Future {
        self.0.send_stream(request)
    }
}
