//! A stream as server-sent events.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::response::{Sse, sse};
use futures_util::Stream;
use mainstay::{ChatStream, openai};

use crate::{api_error::ApiError, failure};

/// Passes a stream on: its chunks as they come; at its end `[DONE]` if it was whole, and an `error` event if it broke.
///
/// Dropping it, when the caller goes away, closes the connection to the backend.
pub(crate) struct Relay {
    stream: ChatStream,
    is_over: bool,
}

/// Begins to pass a stream on. While nothing comes, a comment every 15 s keeps the line open.
pub(crate) fn relay(stream: ChatStream) -> Sse<sse::KeepAliveStream<Relay>> {
    Sse::new(Relay { stream, is_over: false }).keep_alive(sse::KeepAlive::default())
}

impl Stream for Relay {
    type Item = Result<sse::Event, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let event = match ready!(Pin::new(&mut self.stream).poll_next(cx)) {
            Some(Ok(chunk)) => sse::Event::default().json_data(&chunk).ok(),
            ended => {
                self.is_over = true;
                Some(end(ended.and_then(Result::err).as_ref()))
            }
        };
        Poll::Ready(event.map(Ok))
    }
}

/// The last event of a stream that was whole, or broke.
fn end(error: Option<&openai::Error>) -> sse::Event {
    match error {
        None => sse::Event::default().data("[DONE]"),
        Some(error) => broken(&failure::interrupted(error)),
    }
}

fn broken(error: &ApiError) -> sse::Event {
    sse::Event::default().event("error").data(error.body().to_string())
}
