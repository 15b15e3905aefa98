use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::TryStream;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::items::Items;
use crate::{Recording, Refused};

/// Makes [`Recording`]s of a service's streams. Made by [`StreamedLayer`](crate::StreamedLayer).
pub struct Recorder<S, St: TryStream> {
    inner: S,
    error: fn(Refused) -> St::Error,
    items: fn() -> Items<St::Ok>,
}

pin_project! {
    /// A call of a [`Recorder`].
    #[must_use = "futures do nothing unless polled"]
    pub struct RecorderFuture<F, E, T> {
        #[pin]
        inner: F,
        error: fn(Refused) -> E,
        items: fn() -> Items<T>,
    }
}

// === impl Recorder ===

impl<S, St: TryStream> Recorder<S, St> {
    pub(crate) fn new(inner: S, error: fn(Refused) -> St::Error, items: fn() -> Items<St::Ok>) -> Self {
        Self { inner, error, items }
    }
}

impl<S, St, Request> Service<Request> for Recorder<S, St>
where
    S: Service<Request, Response = St>,
    St: TryStream,
{
    type Response = Recording<St>;
    type Error = S::Error;
    type Future = RecorderFuture<S::Future, St::Error, St::Ok>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        RecorderFuture { inner: self.inner.call(request), error: self.error, items: self.items }
    }
}

impl<S: Clone, St: TryStream> Clone for Recorder<S, St> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), error: self.error, items: self.items }
    }
}

impl<S: fmt::Debug, St: TryStream> fmt::Debug for Recorder<S, St> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("inner", &self.inner).finish_non_exhaustive()
    }
}

// === impl RecorderFuture ===

impl<F, St, E> Future for RecorderFuture<F, St::Error, St::Ok>
where
    F: Future<Output = Result<St, E>>,
    St: TryStream,
{
    type Output = Result<Recording<St>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let stream = ready!(this.inner.poll(cx));
        Poll::Ready(stream.map(|stream| Recording::new(stream, *this.error, (this.items)())))
    }
}

impl<F, E, T> fmt::Debug for RecorderFuture<F, E, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecorderFuture").finish_non_exhaustive()
    }
}
