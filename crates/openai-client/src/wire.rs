//! Makes requests of the API's bodies, and calls of requests.

use http::Method;
use mainstay_fault::{Call, HasCall};
use serde::Serialize;

use crate::{
    ChatBody, ChatRequest, ChatResponse, Client, EmbeddingRequest, EmbeddingResponse, ListModels, ModelList,
    ResponseFuture, StreamFuture,
    endpoint::Operation,
    send::{Origin, Sending, Unsent},
    text::json,
};

/// A chat body that says whether it wants a stream.
#[derive(Serialize)]
struct Streamed<'a> {
    #[serde(flatten)]
    body: &'a ChatBody,
    stream: bool,
}

// === impl Client ===

impl Client {
    pub(crate) fn send_chat(&self, request: &ChatRequest) -> ResponseFuture<ChatResponse> {
        let body = chat_json(request, false);
        ResponseFuture::new(self.send(Operation::Chat, &request.model, body, request.call()))
    }

    pub(crate) fn send_stream(&self, request: ChatRequest) -> StreamFuture {
        let body = chat_json(&request, true);
        let sending = self.send(Operation::Chat, &request.model, body, request.call());
        StreamFuture::new(sending, request)
    }

    pub(crate) fn send_embeddings(&self, request: &EmbeddingRequest) -> ResponseFuture<EmbeddingResponse> {
        let body = json(request);
        ResponseFuture::new(self.send(Operation::Embeddings, &request.model, body, request.call()))
    }

    pub(crate) fn send_models(&self, ListModels: ListModels) -> ResponseFuture<ModelList> {
        let unsent = Unsent { deployment: None, body: None, key: None };
        ResponseFuture::new(Sending::new(self.origin(Operation::Models), unsent, None))
    }

    fn send(
        &self,
        operation: Operation,
        model: &str,
        body: serde_json::Result<Vec<u8>>,
        call: Option<&Call>,
    ) -> Sending {
        let unsent = Unsent {
            deployment: self.shared.endpoint.deployment(model),
            body: Some(body),
            key: call.and_then(|call| call.key.clone()),
        };
        Sending::new(self.origin(operation), unsent, call.and_then(|call| call.deadline))
    }

    fn origin(&self, operation: Operation) -> Origin {
        Origin { shared: self.shared.clone(), operation }
    }
}

// === impl Origin ===

impl Origin {
    /// Makes the request of what waits to be sent.
    pub(crate) fn request(&self, unsent: Unsent) -> serde_json::Result<reqwest::Request> {
        let Unsent { deployment, body, key } = unsent;
        let body = body.transpose()?;
        let method = if body.is_some() { Method::POST } else { Method::GET };
        let url = self.shared.endpoint.url(self.operation, deployment.as_deref());
        let mut request = reqwest::Request::new(method, url);
        match body {
            None => *request.headers_mut() = self.shared.headers.bare(),
            Some(body) => {
                *request.headers_mut() = self.shared.headers.of_body(body.len(), key.as_deref());
                *request.body_mut() = Some(body.into());
            }
        }
        Ok(request)
    }
}

/// Writes the body, with `stream` as the service needs it, whatever the caller set. Copies it only where they differ.
fn chat_json(request: &ChatRequest, stream: bool) -> serde_json::Result<Vec<u8>> {
    match (request.stream, request.extra.contains_key("stream")) {
        (Some(asked), _) if asked == stream => json(request),
        (None, false) if !stream => json(request),
        (None, false) => json(&Streamed { body: request, stream }),
        _ => {
            let mut request = request.clone();
            request.extra.shift_remove("stream");
            request.stream = Some(stream);
            json(&request)
        }
    }
}
