use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use mainstay_fault::HasFault;
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::{Answer, Degradation, Exhausted, Trail, label::Label};

/// The first tier. Made by [`Fallback::first`](crate::Fallback::first).
#[derive(Clone, Debug)]
pub struct First<S> {
    label: Arc<Label>,
    inner: S,
}

pin_project! {
    /// A call of the [`First`] tier.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct FirstFuture<F> {
        #[pin]
        inner: F,
        label: Option<Arc<Label>>,
    }
}

// === impl First ===

impl<S> First<S> {
    pub(crate) fn new(name: Arc<str>, inner: S) -> Self {
        Self { label: Arc::new(Label { name, degraded: Degradation::None, window: None }), inner }
    }

    pub(crate) fn window(mut self, tokens: u64) -> Self {
        Arc::make_mut(&mut self.label).window = Some(tokens);
        self
    }
}

impl<S, Request> Service<Request> for First<S>
where
    S: Service<Request, Error: HasFault>,
{
    type Response = Answer<S::Response, S::Error>;
    type Error = Exhausted<S::Error>;
    type Future = FirstFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(|error| Exhausted::first(&self.label, error))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        FirstFuture { inner: self.inner.call(request), label: Some(Arc::clone(&self.label)) }
    }
}

// === impl FirstFuture ===

impl<F, R, E> Future for FirstFuture<F>
where
    F: Future<Output = Result<R, E>>,
    E: HasFault,
{
    type Output = Result<Answer<R, E>, Exhausted<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let outcome = ready!(this.inner.poll(cx));
        let label = this.label.take().expect("a future is not polled after it was ready");
        Poll::Ready(match outcome {
            Ok(response) => Ok(Answer::new(response, label, Trail::new())),
            Err(error) => Err(Exhausted::first(&label, error)),
        })
    }
}
