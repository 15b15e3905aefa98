use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use mainstay_fallback::Answer;
use mainstay_fault::HasCall;
use mainstay_idempotency::new_key;
use pin_project_lite::pin_project;
use tower::ServiceExt;
use tower_service::Service;

use crate::{
    ChatRequest, ChatStream, Error,
    among::is_structured,
    asked::number_on,
    openai::{ChatChunk, Message},
};

/// How a stream goes on that broke after its first token: by a new call, which carries what was said so far.
///
/// It is off unless asked for, since what the caller then gets is no longer the answer of one model: it is an exact prefix of one answer,
/// followed by another that was told to go on from there. Whether the seam can be seen is up to the model. The new call takes all
/// tiers of the route that are models, deadline and limits included, with an idempotency key of its own, and pays for no further retries; the report shows
/// the attempts of both, and the chunks after the seam have the new answer's `id` and `model`.
///
/// A tier without a model has no part in it: a set answer is not the end of another, and what waits for people was answered in part.
/// Where no model goes on, the stream ends by the error of the break.
///
/// Not continued, but ended by an error as without it: an answer that calls tools, refuses, or has parts other than text (thoughts for
/// one), one of several answers (`n`), and, unless by [`prefill`](Self::prefill), one in a prescribed format.
///
/// # Examples
///
/// ```
/// use mainstay::{Continuation, Mainstay};
///
/// let mainstay = Mainstay::builder()
///     .base_url("http://127.0.0.1:8080/v1")
///     .continue_streams(Continuation::prefill().times(2))
///     .build()?;
/// # Ok::<_, mainstay::BuildError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Continuation {
    pub(crate) times: u32,
    /// What the user says after what was said so far; nothing, where the server goes on with a last message of the assistant.
    pub(crate) words: Option<Arc<str>>,
}

/// Lets the streams of a service go on where they break.
#[derive(Clone, Debug)]
pub struct Continue<S> {
    continuation: Option<Continuation>,
    inner: S,
    /// What goes on with them.
    models: S,
}

pin_project! {
    /// A call whose stream may go on where it breaks.
    pub struct ContinueFuture<F> {
        #[pin]
        inner: F,
        resume: Option<Box<Resume>>,
    }
}

/// What it takes to go on with a stream.
pub(crate) struct Resume {
    continuation: Continuation,
    request: ChatRequest,
    said: String,
    again: Again,
}

/// Makes a new call.
type Again = Arc<dyn Fn(ChatRequest) -> Resuming + Send + Sync>;
/// A new call on its way.
pub(crate) type Resuming = Pin<Box<dyn Future<Output = Result<ChatStream, Error>> + Send>>;

const GO_ON: &str =
    "Your answer was cut off. Go on exactly where it ends, without repeating any of it and without a remark.";

// === impl Continuation ===

impl Continuation {
    /// Goes on, once, by asking: what was said so far is the assistant's last message, and the user asks to go on exactly there. Any
    /// model understands that, more or less well.
    pub fn ask() -> Self {
        Self { times: 1, words: Some(GO_ON.into()) }
    }

    /// Goes on, once, by prefilling: what was said so far is the last message, and the server goes on with it. Many do, such as llama.cpp
    /// and vLLM; those that do not begin a new answer.
    pub const fn prefill() -> Self {
        Self { times: 1, words: None }
    }

    /// Sets how often a stream may go on.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// Sets what the user says instead.
    #[must_use]
    pub fn words(mut self, words: impl Into<Arc<str>>) -> Self {
        self.words = Some(words.into());
        self
    }
}

// === impl Continue ===

impl<S> Continue<S> {
    pub(crate) const fn new(continuation: Option<Continuation>, inner: S, models: S) -> Self {
        Self { continuation, inner, models }
    }
}

impl<S> Service<ChatRequest> for Continue<S>
where
    S: Service<ChatRequest, Response = Answer<ChatStream, Error>, Error = Error, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static,
{
    type Response = S::Response;
    type Error = Error;
    type Future = ContinueFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: ChatRequest) -> Self::Future {
        let resume = self.continuation.as_ref().and_then(|continuation| {
            let models = self.models.clone();
            let again: Again = Arc::new(move |request| {
                let call = models.clone().oneshot(request);
                Box::pin(async move { call.await.map(ChatStream::answered) })
            });
            Resume::new(continuation, &request, again)
        });
        ContinueFuture { inner: self.inner.call(request), resume }
    }
}

// === impl ContinueFuture ===

impl<F> Future for ContinueFuture<F>
where
    F: Future<Output = Result<Answer<ChatStream, Error>, Error>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = ready!(this.inner.poll(cx));
        let resume = this.resume.take();
        Poll::Ready(answer.map(|answer| answer.map(|stream| stream.resuming(resume))))
    }
}

impl<F: fmt::Debug> fmt::Debug for ContinueFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContinueFuture").field("inner", &self.inner).finish_non_exhaustive()
    }
}

// === impl Resume ===

impl Resume {
    /// `None` if what the request asks for cannot be continued.
    fn new(continuation: &Continuation, request: &ChatRequest, again: Again) -> Option<Box<Self>> {
        let formatted = is_structured(request) && continuation.words.is_some();
        if continuation.times == 0 || formatted || request.n.is_some_and(|n| n > 1) {
            return None;
        }
        let (continuation, request) = (continuation.clone(), request.clone());
        Some(Box::new(Self { continuation, request, said: String::new(), again }))
    }

    /// Notes what a chunk says; `false` if it says what cannot be continued.
    pub(crate) fn note(&mut self, chunk: &ChatChunk) -> bool {
        self.said.push_str(&chunk.text());
        chunk.choices.iter().all(|choice| {
            let delta = &choice.delta;
            let is_text = delta.tool_calls.is_none() && delta.refusal.is_none() && !delta.has_other_parts();
            choice.index == 0 && is_text
        })
    }

    /// Makes the new call; it may be continued in its turn, while there is a try left.
    pub(crate) fn begin(mut self: Box<Self>) -> (Resuming, Option<Box<Self>>) {
        let mut request = self.request.clone();
        request.messages.push(Message::assistant(self.said.as_str()));
        if let Some(words) = &self.continuation.words {
            request.messages.push(Message::user(&**words));
        }
        if let Some(call) = request.call_mut() {
            call.key = Some(new_key());
            number_on(call, 1);
        }
        tracing::debug!(mainstay.said = self.said.len(), "continuing a stream that broke");
        let call = (self.again)(request);
        self.continuation.times -= 1;
        (call, (self.continuation.times > 0).then_some(self))
    }
}

impl fmt::Debug for Resume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resume").field("continuation", &self.continuation).finish_non_exhaustive()
    }
}
