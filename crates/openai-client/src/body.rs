use std::{
    io, iter,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::Body as _;
use mainstay_fault::FaultKind;

use crate::{Error, send::Origin, time_limit::TimeLimit};

/// Collects a body whole, up to a limit, within its time.
pub(crate) struct Collect {
    body: reqwest::Body,
    first: Bytes,
    buffer: Vec<u8>,
    time: TimeLimit,
}

// === impl Collect ===

impl Collect {
    pub(crate) const fn new(body: reqwest::Body, time: TimeLimit) -> Self {
        Self { body, first: Bytes::new(), buffer: Vec::new(), time }
    }

    /// Resolves with the whole body. A body of one piece is not copied.
    pub(crate) fn poll_whole(&mut self, origin: &Origin, cx: &mut Context<'_>) -> Poll<Result<Bytes, Error>> {
        loop {
            let data = match poll_data(&mut self.body, cx) {
                Poll::Ready(Some(data)) => data,
                Poll::Ready(None) => break,
                Poll::Pending => {
                    let limit = ready!(self.time.poll_over(cx));
                    return Poll::Ready(Err(Error::timed_out(origin, limit)));
                }
            };
            let data = data.map_err(|error| Error::http(origin, kind_of_body_error(&error), error))?;
            self.push(data, origin)?;
            if self.body.is_end_stream() {
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

/// Polls for the next piece of data; trailers are passed over.
pub(crate) fn poll_data(
    body: &mut reqwest::Body,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Bytes, reqwest::Error>>> {
    loop {
        match ready!(Pin::new(&mut *body).poll_frame(cx)) {
            None => return Poll::Ready(None),
            Some(Err(error)) => return Poll::Ready(Some(Err(error))),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Poll::Ready(Some(Ok(data)));
                }
            }
        }
    }
}

/// Judges an error in the middle of a body: the network's patience is over, the peer has reset it, or else it is cut short.
pub(crate) fn kind_of_body_error(error: &reqwest::Error) -> FaultKind {
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
