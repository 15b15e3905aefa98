//! The whole stack as a service.

use std::task::{Context, Poll};

use mainstay_openai_client::{ChatRequest, EmbeddingRequest, EmbeddingResponse};
use tower_service::Service;

use super::Mainstay;
use crate::{
    Failure, Reply,
    stack::{ChatService, EmbedService},
};

impl Service<ChatRequest> for Mainstay {
    type Response = Reply;
    type Error = Failure;
    type Future = <ChatService as Service<ChatRequest>>::Future;

    /// Ready at once: each call polls its route ready.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: ChatRequest) -> Self::Future {
        self.0.chat.clone().call(request)
    }
}

impl Service<EmbeddingRequest> for Mainstay {
    type Response = Reply<EmbeddingResponse>;
    type Error = Failure;
    type Future = <EmbedService as Service<EmbeddingRequest>>::Future;

    /// Ready at once: each call polls its route ready.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: EmbeddingRequest) -> Self::Future {
        self.0.embed.clone().call(request)
    }
}
