use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use mainstay_fault::HasCall;
use mainstay_idempotency::{Memory, Refused};
use pin_project_lite::pin_project;
use tower_service::Service;

/// Refuses calls whose key is taken by the other kind: whole answers and streams are remembered apart, and one key has one effect.
///
/// It stands behind what remembers its own kind: there both kinds have taken note of a key before either looks at the other, so that of
/// two at once no more than one goes on.
#[derive(Clone)]
pub struct OneKind<S> {
    inner: S,
    other: Option<Taken>,
}

/// Whether the other kind has a key.
pub(crate) type Taken = Arc<dyn Fn(&str) -> bool + Send + Sync>;

pin_project! {
    /// A call of a [`OneKind`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct OneKindFuture<F> {
        #[pin]
        // None where the other kind has the key.
        inner: Option<F>,
    }
}

// === impl OneKind ===

impl<S> OneKind<S> {
    pub(crate) const fn new(inner: S, other: Option<Taken>) -> Self {
        Self { inner, other }
    }
}

/// Whether a memory has a key.
pub(crate) fn taken<T: Clone + Send + Sync + 'static>(memory: &Memory<T>) -> Taken {
    let memory = memory.clone();
    Arc::new(move |key| memory.has(key))
}

impl<S, Request> Service<Request> for OneKind<S>
where
    S: Service<Request, Error: From<Refused>>,
    Request: HasCall,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = OneKindFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if let Some(taken) = &self.other
            && let Some(key) = request.call().and_then(|call| call.key.as_deref())
            && taken(key)
        {
            return OneKindFuture { inner: None };
        }
        OneKindFuture { inner: Some(self.inner.call(request)) }
    }
}

impl<S: fmt::Debug> fmt::Debug for OneKind<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneKind").field("inner", &self.inner).finish_non_exhaustive()
    }
}

// === impl OneKindFuture ===

impl<F, R, E> Future for OneKindFuture<F>
where
    F: Future<Output = Result<R, E>>,
    E: From<Refused>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(inner) = self.project().inner.as_pin_mut() else {
            return Poll::Ready(Err(Refused::CONFLICT.into()));
        };
        Poll::Ready(ready!(inner.poll(cx)))
    }
}
