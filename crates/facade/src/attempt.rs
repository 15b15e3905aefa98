use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, LazyLock},
    task::{Context, Poll, ready},
};

use mainstay_fault::{Entry, HasFault};
use mainstay_openai_client::Usage;
use mainstay_router::{Price, Prices};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;
use tracing::{Span, field::Empty};

use crate::{
    Asks, ChatResponse, ChatStream, EmbeddingResponse,
    among::{router_usage, stated},
};

/// Writes each attempt into the journal of its call, if that has one.
#[derive(Clone, Debug)]
pub struct AttemptLayer {
    backend: Arc<str>,
    provider: Option<&'static str>,
    price: Option<Price>,
}

/// A service whose attempts are written down. Made by [`AttemptLayer`].
#[derive(Clone, Debug)]
pub struct Attempted<S> {
    inner: S,
    backend: Arc<str>,
    provider: Option<&'static str>,
    price: Option<Price>,
}

pin_project! {
    /// An attempt that is being written down.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct AttemptFuture<F> {
        #[pin]
        inner: F,
        span: Span,
        entry: Option<Entry>,
        price: Option<Price>,
    }
}

/// An answer that says, now or at its end, what its attempt used.
pub trait Billed {
    /// Writes it down, or takes the entry along.
    fn bill(&mut self, entry: Entry, price: Option<Price>);
}

// === impl AttemptLayer ===

impl AttemptLayer {
    /// Creates the layer from the name under which a backend stands in reports.
    pub fn new(backend: impl Into<Arc<str>>) -> Self {
        Self { backend: backend.into(), provider: None, price: None }
    }

    /// Says whose service the backend is, as OpenTelemetry's GenAI conventions name it.
    #[must_use]
    pub const fn provider(mut self, provider: &'static str) -> Self {
        self.provider = Some(provider);
        self
    }

    /// Sets what the backend costs. Without it, a model's price is looked up in the table that comes with
    /// [`router`](crate::router::Prices::bundled).
    #[must_use]
    pub fn price(mut self, price: Option<Price>) -> Self {
        self.price = price;
        self
    }
}

impl<S> Layer<S> for AttemptLayer {
    type Service = Attempted<S>;

    fn layer(&self, inner: S) -> Attempted<S> {
        let Self { backend, provider, price } = self.clone();
        Attempted { inner, backend, provider, price }
    }
}

// === impl Attempted ===

impl<S> Attempted<S> {
    /// Begins to write an attempt down. Those further in find in the call which one it is.
    fn begin<Request: Asks>(&self, request: &mut Request) -> Option<Entry> {
        request.call()?.journal.as_ref()?;
        let journal = request.call_mut()?.journal.as_mut()?;
        let entry = journal.begin_at(Arc::clone(&self.backend), self.provider);
        journal.enter(&entry);
        Some(entry)
    }
}

impl<S, Request> Service<Request> for Attempted<S>
where
    S: Service<Request, Response: Billed, Error: HasFault>,
    Request: Asks,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = AttemptFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let entry = self.begin(&mut request);
        let price = self.price.or_else(|| entry.as_ref().and_then(|_| usual_price(request.model())));
        let span = span(&request, &self.backend, self.provider);
        let inner = span.in_scope(|| self.inner.call(request));
        AttemptFuture { inner, span, entry, price }
    }
}

/// One attempt, up to its answer or its first token.
fn span<Request: Asks>(request: &Request, backend: &str, provider: Option<&str>) -> Span {
    tracing::info_span!(
        "attempt",
        otel.name = %format_args!("{} {}", Request::OPERATION, request.model()),
        otel.kind = "client",
        otel.status_code = Empty,
        gen_ai.operation.name = Request::OPERATION,
        gen_ai.provider.name = provider,
        gen_ai.request.model = request.model(),
        mainstay.backend = backend,
        mainstay.attempt = request.call().map(|call| call.attempt.get()),
        error.r#type = Empty,
    )
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
        let entered = this.span.enter();
        let mut outcome = ready!(this.inner.poll(cx));
        if let Err(error) = &outcome {
            this.span.record("error.type", error.fault().kind.as_str()).record("otel.status_code", "ERROR");
        }
        drop(entered);
        if let Some(mut entry) = this.entry.take() {
            match &mut outcome {
                Ok(answer) => answer.bill(entry, *this.price),
                Err(error) => {
                    if let Some((input, output)) = error.used() {
                        let dollars =
                            this.price.map(|price| price.cost(mainstay_router::Usage::new(input, output)));
                        entry.bill(input, output, dollars);
                    }
                    entry.end(Some(error.fault()));
                }
            }
        }
        Poll::Ready(outcome)
    }
}

// === impl Billed ===

impl Billed for ChatResponse {
    fn bill(&mut self, entry: Entry, price: Option<Price>) {
        end(entry, self.usage.as_ref(), price);
    }
}

impl Billed for Arc<ChatResponse> {
    fn bill(&mut self, entry: Entry, price: Option<Price>) {
        end(entry, self.usage.as_ref(), price);
    }
}

impl Billed for EmbeddingResponse {
    fn bill(&mut self, entry: Entry, price: Option<Price>) {
        end(entry, self.usage.as_ref(), price);
    }
}

impl Billed for ChatStream {
    fn bill(&mut self, entry: Entry, price: Option<Price>) {
        self.write_into(entry, price);
    }
}

/// Writes down that an attempt ended well, and what was used if that is said.
fn end(mut entry: Entry, usage: Option<&Usage>, price: Option<Price>) {
    if let Some(usage) = stated(usage) {
        write(&mut entry, usage, price);
    }
    entry.end(None);
}

/// Writes down what was used and what it costs.
pub(crate) fn write(entry: &mut Entry, usage: &Usage, price: Option<Price>) {
    let dollars = price.map(|price| price.cost(router_usage(usage)));
    entry.bill(usage.prompt_tokens, usage.completion_tokens, dollars);
}

/// What a model costs, by the table that comes with the router.
pub(crate) fn usual_price(model: &str) -> Option<Price> {
    PRICES.get(model)
}

static PRICES: LazyLock<Prices> = LazyLock::new(Prices::bundled);
