use std::{
    io, iter,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::Body as _;
use mainstay_fault::FaultKind;
use thiserror::Error as ThisError;
use tokio::time::Instant;

use crate::{Error, send::Origin, time_limit::TimeLimit};

/// A body, and the time in which it must come.
pub(crate) struct TimedBody {
    body: reqwest::Body,
    time: TimeLimit,
}

/// Why a body does not come whole.
#[derive(Debug, ThisError)]
pub(crate) enum BrokenBody {
    #[error(transparent)]
    Http(reqwest::Error),
    #[error("its time is over")]
    TimedOut(Duration),
}

/// Collects a body whole, up to a limit.
pub(crate) struct Collect {
    body: TimedBody,
    first: Bytes,
    buffer: Vec<u8>,
}

// === impl TimedBody ===

impl TimedBody {
    pub(crate) const fn new(body: reqwest::Body, time: TimeLimit) -> Self {
        Self { body, time }
    }

    /// When its time is over; nothing, where that is too far away to tell.
    pub(crate) const fn ends(&self) -> Option<Instant> {
        self.time.end()
    }

    /// As [`poll_data`](Self::poll_data), but asks the time first: of who says more than is read, nothing is ever waited for.
    pub(crate) fn poll_data_in_time(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BrokenBody>>> {
        if self.time.is_over() {
            return Poll::Ready(Some(Err(BrokenBody::TimedOut(self.time.length()))));
        }
        self.poll_data(cx)
    }

    /// Polls for the next piece of data; trailers are passed over. What has come by the end of its time is not lost.
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BrokenBody>>> {
        loop {
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(BrokenBody::Http(error)))),
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        return Poll::Ready(Some(Ok(data)));
                    }
                }
                Poll::Pending => {
                    let limit = ready!(self.time.poll_over(cx));
                    return Poll::Ready(Some(Err(BrokenBody::TimedOut(limit))));
                }
            }
        }
    }

    /// Whether it says that all of it has come.
    fn has_ended(&self) -> bool {
        self.body.is_end_stream()
    }
}

// === impl BrokenBody ===

impl BrokenBody {
    pub(crate) fn at(self, origin: &Origin) -> Error {
        match self {
            Self::Http(error) => Error::http(origin, kind_of(&error), error),
            Self::TimedOut(limit) => Error::timed_out(origin, limit),
        }
    }
}

// === impl Collect ===

impl Collect {
    pub(crate) const fn new(body: TimedBody) -> Self {
        Self { body, first: Bytes::new(), buffer: Vec::new() }
    }

    /// Resolves with the whole body. A body of one piece is not copied.
    pub(crate) fn poll_whole(&mut self, origin: &Origin, cx: &mut Context<'_>) -> Poll<Result<Bytes, Error>> {
        while let Some(data) = ready!(self.body.poll_data(cx)) {
            self.push(data.map_err(|broken| broken.at(origin))?, origin)?;
            if self.body.has_ended() {
                break;
            }
        }
        let buffer = std::mem::take(&mut self.buffer);
        Poll::Ready(Ok(if buffer.is_empty() { std::mem::take(&mut self.first) } else { buffer.into() }))
    }

    fn push(&mut self, data: Bytes, origin: &Origin) -> Result<(), Error> {
        let limit = origin.shared.max_response_size;
        let size = self.buffer.len().max(self.first.len()) + data.len();
        if size > limit {
            return Err(Error::malformed(origin, format!("the body is longer than {limit} bytes")));
        }
        if self.first.is_empty() {
            self.first = data;
        } else {
            if self.buffer.is_empty() {
                self.buffer.extend_from_slice(&self.first);
            }
            self.buffer.extend_from_slice(&data);
        }
        Ok(())
    }
}

/// Judges an error in the middle of a body: the network's patience is over, the peer has reset it, or else it is cut short.
fn kind_of(error: &reqwest::Error) -> FaultKind {
    if error.is_timeout() {
        return FaultKind::Timeout;
    }
    let reset = io_errors(error).any(|error| error.kind() == io::ErrorKind::ConnectionReset);
    if reset { FaultKind::Connect } else { FaultKind::Malformed }
}

/// What the system says of the connection, if it was that.
fn io_errors(error: &reqwest::Error) -> impl Iterator<Item = &io::Error> {
    let first: &(dyn std::error::Error + 'static) = error;
    iter::successors(Some(first), |error| error.source()).filter_map(|error| error.downcast_ref())
}

/// The beginning of a body that is no error object, for people to recognise it by.
pub(crate) fn snippet(body: &[u8]) -> String {
    const LENGTH: usize = 120;
    if body.is_empty() {
        return "the body is empty".to_owned();
    }
    let head = body.get(..LENGTH * 4).unwrap_or(body);
    let text = String::from_utf8_lossy(head);
    let mut words: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = words.char_indices().nth(LENGTH) {
        words.truncate(end);
        words.push('…');
    }
    format!("the body reads {words:?}")
}
