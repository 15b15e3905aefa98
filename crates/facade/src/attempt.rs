use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use mainstay_fault::{Entry, HasCall, HasFault};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::{ChatRequest, ChatResponse, ChatStream};

/// Writes each attempt into the journal of its call, if that has one.
#[derive(Clone, Debug)]
pub struct AttemptLayer {
    backend: Arc<str>,
}

/// A service whose attempts are written down. Made by [`AttemptLayer`].
#[derive(Clone, Debug)]
pub struct Attempted<S> {
    inner: S,
    backend: Arc<str>,
}

pin_project! {
    /// An attempt that is being written down.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct AttemptFuture<F> {
        #[pin]
        inner: F,
        entry: Option<Entry>,
    }
}

/// An answer that says, now or at its end, what its attempt used.
pub trait Billed {
    /// Writes it down, or takes the entry along.
    fn bill(&mut self, entry: Entry);
}

// === impl AttemptLayer ===

impl AttemptLayer {
    /// Creates the layer from the name under which a backend stands in reports.
    pub fn new(backend: impl Into<Arc<str>>) -> Self {
        Self { backend: backend.into() }
    }
}

impl<S> Layer<S> for AttemptLayer {
    type Service = Attempted<S>;

    fn layer(&self, inner: S) -> Attempted<S> {
        Attempted { inner, backend: Arc::clone(&self.backend) }
    }
}

// === impl Attempted ===

impl<S> Service<ChatRequest> for Attempted<S>
where
    S: Service<ChatRequest, Response: Billed, Error: HasFault>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = AttemptFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: ChatRequest) -> Self::Future {
        let journal = request.call().and_then(|call| call.journal.as_ref());
        let entry = journal.map(|journal| journal.begin(Arc::clone(&self.backend)));
        AttemptFuture { inner: self.inner.call(request), entry }
    }
}

// === impl AttemptFuture ===

impl<F, R, E> Future for AttemptFuture<F>
where
    F: Future<Output = Result<R, E>>,
    R: Billed,
    E: HasFault,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut outcome = ready!(this.inner.poll(cx));
        if let Some(mut entry) = this.entry.take() {
            match &mut outcome {
                Ok(answer) => answer.bill(entry),
                Err(error) => entry.end(Some(error.fault())),
            }
        }
        Poll::Ready(outcome)
    }
}

// === impl Billed ===

impl Billed for ChatResponse {
    fn bill(&mut self, mut entry: Entry) {
        if let Some(usage) = &self.usage {
            entry.bill(usage.prompt_tokens, usage.completion_tokens, None);
        }
        entry.end(None);
    }
}

impl Billed for ChatStream {
    fn bill(&mut self, entry: Entry) {
        self.write_into(entry);
    }
}
