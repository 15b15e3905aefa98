use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::Stream;
use http::HeaderMap;
use mainstay_bucket::Reservation;

use crate::openai::{self, Accumulator, ChatChunk, ChatResponse, Usage};

/// A streamed answer, from its first token on, which settles what it took of the limits at its end.
///
/// Its items are the chunks as they come. It ends with `None` only if the stream said that it is whole; everything else is one
/// last item of the kind [`Interrupted`](mainstay_fault::FaultKind::Interrupted). What came before it is an exact prefix
/// of one answer.
///
/// # Limits
///
/// It is settled on the usage that the server states at its end. A stream that breaks, or is dropped half-way, was begun
/// and may be billed: the estimate stands.
///
/// # Cancel safety
///
/// Dropping it before its end closes the connection.
#[derive(Debug)]
pub struct ChatStream {
    inner: openai::ChatStream,
    reservation: Option<Reservation>,
    /// Whether the caller did not ask for the usage, so that the chunk which states it is ours alone.
    hides_usage: bool,
}

// === impl ChatStream ===

impl ChatStream {
    pub(crate) const fn new(inner: openai::ChatStream, reservation: Reservation) -> Self {
        Self { inner, reservation: Some(reservation), hides_usage: false }
    }

    /// Keeps the chunk that states the usage from the caller.
    pub(crate) const fn hiding_usage(mut self, hides_usage: bool) -> Self {
        self.hides_usage = hides_usage;
        self
    }

    /// The headers of the response: rate limits, request id.
    pub fn headers(&self) -> &HeaderMap {
        self.inner.headers()
    }

    /// The usage, once the stream has stated it, at its end.
    pub fn usage(&self) -> Option<&Usage> {
        self.inner.usage()
    }

    /// Reads the stream to its end and puts the chunks together to a whole response.
    ///
    /// # Errors
    ///
    /// The stream's own error, if it breaks.
    pub async fn into_response(mut self) -> Result<ChatResponse, openai::Error> {
        let whole = Accumulator::read(&mut self).await?;
        let mut response = whole.finish(self.headers().clone());
        response.usage = self.usage().cloned();
        Ok(response)
    }

    /// Notes what the stream has used, and gives the rest back at its end.
    fn settle(&mut self, item: Option<&Result<ChatChunk, openai::Error>>) {
        match item {
            Some(Ok(chunk)) => {
                if let (Some(usage), Some(reservation)) = (&chunk.usage, &mut self.reservation) {
                    reservation.used(usage.total_tokens);
                }
            }
            Some(Err(_)) | None => self.reservation = None,
        }
    }
}

impl Stream for ChatStream {
    type Item = Result<ChatChunk, openai::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let item = std::task::ready!(Pin::new(&mut self.inner).poll_next(cx));
            self.settle(item.as_ref());
            let only_usage = |chunk: &ChatChunk| chunk.usage.is_some() && chunk.choices.is_empty();
            match &item {
                Some(Ok(chunk)) if self.hides_usage && only_usage(chunk) => {}
                _ => return Poll::Ready(item),
            }
        }
    }
}
