use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_core::Stream;
use mainstay_fault::http::ErrorBody;
use serde_json::Value;
use sse_stream::SseByteStream;
use thiserror::Error as ThisError;

use crate::{
    ChatChunk, Error,
    body::{BrokenBody, TimedBody, snippet},
    future::find_error,
    send::Origin,
};

/// Reads the events of a response: server-sent events of chat chunks, errors, and the end.
pub(crate) struct Events {
    sse: SseByteStream<Pieces>,
    unread: Arc<AtomicUsize>,
}

/// What comes next in a stream.
pub(crate) enum Event {
    /// A chunk.
    Chunk(Box<ChatChunk>),
    /// `[DONE]`.
    Done,
    /// The end of the body.
    End,
    /// An event that states an error or cannot be read, or a broken body.
    Failed(Error),
}

/// A body's data, counted so that an event without an end does not fill the memory.
struct Pieces {
    body: TimedBody,
    unread: Arc<AtomicUsize>,
    limit: usize,
}

#[derive(Debug, ThisError)]
enum BrokenPiece {
    #[error(transparent)]
    Body(#[from] BrokenBody),
    #[error("an event is longer than {0} bytes")]
    TooLong(usize),
}

// === impl Events ===

impl Events {
    pub(crate) fn new(body: TimedBody, limit: usize) -> Self {
        let unread = Arc::new(AtomicUsize::new(0));
        let pieces = Pieces { body, unread: Arc::clone(&unread), limit };
        Self { sse: SseByteStream::new(pieces), unread }
    }

    /// Polls for the next event. Comments, pings and events without data are passed over.
    pub(crate) fn poll_event(&mut self, origin: &Origin, cx: &mut Context<'_>) -> Poll<Event> {
        loop {
            let event = match ready!(Pin::new(&mut self.sse).poll_next(cx)) {
                None => return Poll::Ready(Event::End),
                Some(Err(error)) => return Poll::Ready(Event::Failed(broken(origin, error))),
                Some(Ok(event)) => event,
            };
            self.unread.store(0, Relaxed);
            if let Some(data) = event.data.as_deref().map(str::trim).filter(|data| !data.is_empty()) {
                let ping = event.event.as_deref() == Some("ping");
                if let Some(event) = read(origin, data, ping) {
                    return Poll::Ready(event);
                }
            }
        }
    }
}

/// Reads the data of one event; nothing, if it only says that the server is still there.
fn read(origin: &Origin, data: &str, is_ping: bool) -> Option<Event> {
    if data == "[DONE]" {
        return Some(Event::Done);
    }
    let read = serde_json::from_str::<ChatChunk>(data);
    let stated = match &read {
        Ok(chunk) => match find_error(chunk.extras()) {
            None => return read.ok().map(Box::new).map(Event::Chunk),
            Some(stated) => ErrorBody::from_value(&Value::Object(stated.clone().into())),
        },
        Err(_) => ErrorBody::parse(data.as_bytes()),
    };
    Some(Event::Failed(match (stated, read) {
        (Some(stated), _) => Error::event(origin, stated),
        (None, Ok(_)) => Error::malformed(origin, snippet(data.as_bytes())),
        (None, Err(_)) if is_ping || is_typed_ping(data) => return None,
        (None, Err(error)) => {
            let detail = format!("an event cannot be read: {error}; {}", snippet(data.as_bytes()));
            Error::malformed(origin, detail)
        }
    }))
}

/// Whether an event says by its type what others say by their names.
fn is_typed_ping(data: &str) -> bool {
    serde_json::from_str::<Value>(data).is_ok_and(|event| {
        event.get("type").is_some_and(|kind| kind == "ping") && event.get("choices").is_none()
    })
}

fn broken(origin: &Origin, error: sse_stream::Error) -> Error {
    let sse_stream::Error::Body(cause) = error else {
        return Error::malformed(origin, format!("no server-sent events: {error}"));
    };
    match cause.downcast::<BrokenPiece>() {
        Ok(piece) => match *piece {
            BrokenPiece::Body(broken) => broken.at(origin),
            too_long @ BrokenPiece::TooLong(_) => Error::malformed(origin, too_long.to_string()),
        },
        Err(other) => Error::malformed(origin, other.to_string()),
    }
}

// === impl Pieces ===

impl Stream for Pieces {
    type Item = Result<Bytes, BrokenPiece>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(data) = ready!(self.body.poll_data_in_time(cx)) else { return Poll::Ready(None) };
        let data = data?;
        let unread = self.unread.fetch_add(data.len(), Relaxed) + data.len();
        Poll::Ready(Some(if unread > self.limit { Err(BrokenPiece::TooLong(self.limit)) } else { Ok(data) }))
    }
}
