//! Answers that come as streams: recorded as they pass, followed live, and played again.

mod items;
mod packed;
mod playback;
mod recorder;
mod recording;
mod wakers;

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::TryStream;
use pin_project_lite::pin_project;
use serde::{Serialize, de::DeserializeOwned};
use tower_layer::Layer;
use tower_service::Service;

use self::{items::Items, packed::Packed};
use crate::{Answer, Idempotency, IdempotencyLayer, Refused};

pub use playback::Playback;
pub use recorder::{Recorder, RecorderFuture};
pub use recording::Recording;

/// One key, one stream. Made by [`IdempotencyLayer::streamed`].
pub struct StreamedLayer<St: TryStream, K> {
    layer: IdempotencyLayer<Recording<St>, K>,
    error: fn(Refused) -> St::Error,
    items: fn() -> Items<St::Ok>,
}

/// A service whose streams run once for each key, and are played to all who ask. Made by [`StreamedLayer`].
///
/// # Readiness
///
/// Ready when the inner service is.
#[derive(Clone, Copy, Debug)]
pub struct Streamed<S>(S);

pin_project! {
    /// A call of a [`Streamed`] service.
    ///
    /// # Cancel safety
    ///
    /// As that of [`Idempotency`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct StreamedFuture<F> {
        #[pin]
        inner: F,
    }
}

// === impl StreamedLayer ===

impl<St: TryStream, K> StreamedLayer<St, K> {
    pub(crate) fn new(layer: IdempotencyLayer<Recording<St>, K>, error: fn(Refused) -> St::Error) -> Self {
        Self { layer, error, items: Items::plain }
    }

    /// Keeps items as JSON, and of that only what differs from an earlier item: for those that say little and are large, such as the
    /// chunks of a model's answer. One that does not come back from JSON as it was is kept as it is.
    ///
    /// Each item is written and read once as it passes, which takes some microseconds, and read once more by each later listener.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures_util::stream::Iter;
    /// use mainstay_idempotency::{IdempotencyLayer, Refused};
    /// use serde_json::Value;
    ///
    /// type Chunks = Iter<std::vec::IntoIter<Result<Value, Refused>>>;
    ///
    /// let layer = IdempotencyLayer::<_, _>::new()
    ///     .key(|key: &String| Some(key.as_str()))
    ///     .streamed(|refused| refused)
    ///     .packed();
    /// # let _: mainstay_idempotency::StreamedLayer<Chunks, _> = layer;
    /// ```
    #[must_use]
    pub fn packed(mut self) -> Self
    where
        St::Ok: Serialize + DeserializeOwned + PartialEq,
    {
        self.items = || Items::Packed(Packed::new());
        self
    }
}

impl<S, St: TryStream, K: Clone> Layer<S> for StreamedLayer<St, K> {
    type Service = Streamed<Idempotency<Recorder<S, St>, Recording<St>, K>>;

    fn layer(&self, inner: S) -> Self::Service {
        Streamed(self.layer.layer(Recorder::new(inner, self.error, self.items)))
    }
}

impl<St: TryStream, K: Clone> Clone for StreamedLayer<St, K> {
    fn clone(&self) -> Self {
        Self { layer: self.layer.clone(), error: self.error, items: self.items }
    }
}

impl<St: TryStream, K: fmt::Debug> fmt::Debug for StreamedLayer<St, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamedLayer").field("layer", &self.layer).finish_non_exhaustive()
    }
}

// === impl Streamed ===

impl<S, St, Request> Service<Request> for Streamed<S>
where
    S: Service<Request, Response = Answer<Recording<St>>>,
    St: TryStream,
{
    type Response = Answer<Playback<St>>;
    type Error = S::Error;
    type Future = StreamedFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        StreamedFuture { inner: self.0.call(request) }
    }
}

// === impl StreamedFuture ===

impl<F, St, E> Future for StreamedFuture<F>
where
    F: Future<Output = Result<Answer<Recording<St>>, E>>,
    St: TryStream,
{
    type Output = Result<Answer<Playback<St>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(self.project().inner.poll(cx));
        Poll::Ready(answer.map(|answer| answer.map(|recording| recording.play())))
    }
}
