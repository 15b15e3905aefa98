//! A stream as server-sent events.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::response::{Sse, sse};
use futures_util::Stream;
use mainstay::{ChatStream, HasFault, openai};

use crate::{api_error::ApiError, chat::Completed, failure, watch::Watch};

/// Passes a stream on: its chunks as they come; at its end `[DONE]` if it was whole, and an `error` event if it broke.
///
/// Dropping it, when the caller goes away, closes the connection to the backend.
pub(crate) struct Relay {
    stream: ChatStream,
    completed: Completed,
    /// There until the stream has ended.
    watch: Option<Watch>,
}

/// Begins to pass a stream on. While nothing comes, a comment every 15 s keeps the line open.
pub(crate) fn relay(stream: ChatStream, watch: Watch) -> Sse<sse::KeepAliveStream<Relay>> {
    Sse::new(Relay { stream, completed: Completed::default(), watch: Some(watch) })
        .keep_alive(sse::KeepAlive::default())
}

// === impl Relay ===

impl Relay {
    fn ended(&mut self, error: Option<openai::Error>) -> Option<sse::Event> {
        let watch = self.watch.take()?;
        watch.end(error.as_ref().map(|error| error.fault().kind), &self.stream.report());
        Some(match error {
            None => sse::Event::default().data("[DONE]"),
            Some(error) => broken(&failure::interrupted(&error)),
        })
    }
}

impl Stream for Relay {
    type Item = Result<sse::Event, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.watch.is_none() {
            return Poll::Ready(None);
        }
        let event = match ready!(Pin::new(&mut self.stream).poll_next(cx)) {
            Some(Ok(mut chunk)) => {
                self.completed.complete(&mut chunk);
                sse::Event::default().json_data(&chunk).ok()
            }
            Some(Err(error)) => self.ended(Some(error)),
            None => self.ended(None),
        };
        Poll::Ready(event.map(Ok))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let Some(watch) = self.watch.take() {
            watch.left(&self.stream.report());
        }
    }
}

fn broken(error: &ApiError) -> sse::Event {
    sse::Event::default().event("error").data(error.body().to_string())
}
