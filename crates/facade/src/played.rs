use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use mainstay_fault::HasCall;
use mainstay_idempotency::{Answer, Playback};
use pin_project_lite::pin_project;
use tokio::time::Instant;
use tower_service::Service;

use crate::ChatStream;

/// Hands out streams that are kept under idempotency keys, each until its own call's deadline: one who follows another's stream
/// must not go on for as long as that one may.
#[derive(Clone, Copy, Debug)]
pub struct PlayEach<S>(S);

pin_project! {
    /// A call of a [`PlayEach`].
    ///
    /// # Cancel safety
    ///
    /// As that of the service inside.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct PlayEachFuture<F> {
        #[pin]
        inner: F,
        deadline: Option<Instant>,
    }
}

// === impl PlayEach ===

impl<S> PlayEach<S> {
    pub(crate) const fn new(inner: S) -> Self {
        Self(inner)
    }
}

impl<S, Request> Service<Request> for PlayEach<S>
where
    S: Service<Request, Response = Answer<Playback<ChatStream>>>,
    Request: HasCall,
{
    type Response = ChatStream;
    type Error = S::Error;
    type Future = PlayEachFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let deadline = request.call().and_then(|call| call.deadline);
        PlayEachFuture { inner: self.0.call(request), deadline }
    }
}

// === impl PlayEachFuture ===

impl<F, E> Future for PlayEachFuture<F>
where
    F: Future<Output = Result<Answer<Playback<ChatStream>>, E>>,
{
    type Output = Result<ChatStream, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = ready!(this.inner.poll(cx));
        Poll::Ready(answer.map(|answer| ChatStream::played(answer, *this.deadline)))
    }
}
