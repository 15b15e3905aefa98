use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::TryStream;
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::{Recording, Refused};

/// Makes [`Recording`]s of a service's streams. Made by [`StreamedLayer`](crate::StreamedLayer).
pub struct Recorder<S, St: TryStream> {
    inner: S,
    error: fn(Refused) -> St::Error,
}

pin_project! {
    /// A call of a [`Recorder`].
    #[must_use = "futures do nothing unless polled"]
    pub struct RecorderFuture<F, E> {
        #[pin]
        inner: F,
        error: fn(Refused) -> E,
    }
}

// === impl Recorder ===

impl<S, St: TryStream> Recorder<S, St> {
    pub(crate) fn new(inner: S, error: fn(Refused) -> St::Error) -> Self {
        Self { inner, error }
    }
}

impl<S, St, Request> Service<Request> for Recorder<S, St>
where
    S: Service<Request, Response = St>,
    St: TryStream,
{
    type Response = Recording<St>;
    type Error = S::Error;
    type Future = RecorderFuture<S::Future, St::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        RecorderFuture { inner: self.inner.call(request), error: self.error }
    }
}

impl<S: Clone, St: TryStream> Clone for Recorder<S, St> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), error: self.error }
    }
}

impl<S: fmt::Debug, St: TryStream> fmt::Debug for Recorder<S, St> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("inner", &self.inner).finish_non_exhaustive()
    }
}

// === impl RecorderFuture ===

impl<F, St, E> Future for RecorderFuture<F, St::Error>
where
    F: Future<Output = Result<St, E>>,
    St: TryStream,
{
    type Output = Result<Recording<St>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let stream = ready!(this.inner.poll(cx));
        Poll::Ready(stream.map(|stream| Recording::new(stream, *this.error)))
    }
}

impl<F, E> fmt::Debug for RecorderFuture<F, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecorderFuture").finish_non_exhaustive()
    }
}
