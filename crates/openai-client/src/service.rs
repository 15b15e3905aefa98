use std::task::{Context, Poll};

use tower_service::Service;

use crate::{
    ChatRequest, ChatResponse, ChatStream, Client, EmbeddingRequest, EmbeddingResponse, Error, ListModels,
    ModelList, ResponseFuture, StreamFuture,
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

impl Service<ChatRequest> for Streaming {
    type Response = ChatStream;
    type Error = Error;
    type Future = StreamFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: ChatRequest) -> Self::Future {
        self.0.send_stream(&request)
    }
}
