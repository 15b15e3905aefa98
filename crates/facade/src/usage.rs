use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use serde::Deserialize;
use tower_layer::Layer;
use tower_service::Service;

use crate::{ChatRequest, ChatStream, openai::StreamOptions};

/// Asks streams for their usage, so that limits can be settled on it, and hides it from who did not ask.
#[derive(Clone, Copy, Debug, Default)]
pub struct AskUsageLayer;

/// A service that asks streams for their usage. Made by [`AskUsageLayer`].
#[derive(Clone, Copy, Debug)]
pub struct AskUsage<S>(S);

pin_project! {
    /// A streamed call that was asked for its usage.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct AskUsageFuture<F> {
        #[pin]
        inner: F,
        unasked: bool,
    }
}

// === impl AskUsageLayer ===

impl<S> Layer<S> for AskUsageLayer {
    type Service = AskUsage<S>;

    fn layer(&self, inner: S) -> AskUsage<S> {
        AskUsage(inner)
    }
}

// === impl AskUsage ===

impl<S> Service<ChatRequest> for AskUsage<S>
where
    S: Service<ChatRequest, Response = ChatStream>,
{
    type Response = ChatStream;
    type Error = S::Error;
    type Future = AskUsageFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, mut request: ChatRequest) -> Self::Future {
        let unasked = ask(&mut request);
        AskUsageFuture { inner: self.0.call(request), unasked }
    }
}

/// Asks for the usage besides what else is asked of the stream; tells whether the caller had not.
fn ask(request: &mut ChatRequest) -> bool {
    let otherwise = request.extra.get("stream_options").filter(|options| !options.is_null());
    let set = match (&request.stream_options, otherwise) {
        (Some(options), _) => Some(options.clone()),
        (None, Some(options)) => match StreamOptions::deserialize(options) {
            Ok(options) => Some(options),
            // What is no set of options is for the server to refuse.
            Err(_) => return false,
        },
        (None, None) => None,
    };
    let unasked = set.as_ref().is_none_or(|options| options.include_usage != Some(true));
    if unasked {
        let mut options = set.unwrap_or_else(StreamOptions::with_usage);
        options.include_usage = Some(true);
        request.stream_options = Some(options);
    }
    unasked
}

// === impl AskUsageFuture ===

impl<F, E> Future for AskUsageFuture<F>
where
    F: Future<Output = Result<ChatStream, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let stream = ready!(this.inner.poll(cx));
        Poll::Ready(stream.map(|stream| stream.hiding_usage(*this.unasked)))
    }
}
