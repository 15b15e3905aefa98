use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use mainstay_backoff::Rejected;
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::{ChatResponse, stack::Shared};

/// Takes an answer for a failure if it does not pass the caller's check: here, where a router learns of it, so that the next backend is asked
/// at once and the report says whose answer it was.
///
/// It stands outside the limits, which are settled on what the answer has used.
#[derive(Clone, Debug)]
pub struct Checked<S, C> {
    check: C,
    inner: S,
}

/// What an answer must be.
pub trait Passes<T> {
    /// Looks at an answer.
    fn look(&self, answer: &T) -> Result<(), Rejected>;
}

/// Every answer will do: those of streams have been passed on by the time they are known, and embeddings are what they are.
#[derive(Clone, Copy, Debug)]
pub struct AnyAnswer;

/// A check that several tiers share, if there is one.
#[derive(Clone, Default)]
pub struct SharedCheck(Option<Arc<Look>>);

type Look = dyn Fn(&ChatResponse) -> Result<(), Rejected> + Send + Sync;

pin_project! {
    /// An answer that will be looked at.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct CheckedFuture<F, C> {
        #[pin]
        inner: F,
        check: C,
    }
}

// === impl Checked ===

impl<S, C> Checked<S, C> {
    pub(crate) const fn new(check: C, inner: S) -> Self {
        Self { check, inner }
    }
}

impl<S, C, Request> Service<Request> for Checked<S, C>
where
    S: Service<Request, Error: From<Rejected>>,
    C: Passes<S::Response> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = CheckedFuture<S::Future, C>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        CheckedFuture { inner: self.inner.call(request), check: self.check.clone() }
    }
}

// === impl CheckedFuture ===

impl<F, C, T, E> Future for CheckedFuture<F, C>
where
    F: Future<Output = Result<T, E>>,
    C: Passes<T>,
    E: From<Rejected>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = ready!(this.inner.poll(cx))?;
        this.check.look(&answer)?;
        Poll::Ready(Ok(answer))
    }
}

// === impl Passes ===

impl<T> Passes<T> for AnyAnswer {
    fn look(&self, _: &T) -> Result<(), Rejected> {
        Ok(())
    }
}

/// What is rejected is billed.
impl Passes<Shared> for SharedCheck {
    fn look(&self, answer: &Shared) -> Result<(), Rejected> {
        let Some(look) = &self.0 else { return Ok(()) };
        look(answer).map_err(|rejected| match crate::among::stated(answer.usage.as_ref()) {
            Some(usage) => rejected.with_used(usage.prompt_tokens, usage.completion_tokens),
            None => rejected,
        })
    }
}

// === impl SharedCheck ===

impl SharedCheck {
    pub(crate) fn new(check: impl Fn(&ChatResponse) -> Result<(), Rejected> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(check)))
    }
}

impl fmt::Debug for SharedCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedCheck")
    }
}
