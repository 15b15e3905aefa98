//! Reading a request's body.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::refusal::Refusal;

/// Reads a body of at most `limit` bytes; `None` if its peer went away in the middle of it.
///
/// A longer one is read to its end all the same, and thrown away: a peer that is still sending when its connection is
/// closed would see a reset and not the refusal.
pub(crate) async fn read(mut body: Incoming, limit: usize) -> Result<Option<Bytes>, Refusal> {
    let mut whole = Intake::default();
    while let Some(frame) = body.frame().await {
        match frame.map(hyper::body::Frame::into_data) {
            Ok(Ok(data)) => whole.push(data, limit),
            Ok(Err(_trailers)) => {}
            Err(_gone) => return Ok(None),
        }
    }
    if whole.overflowed { Err(Refusal::too_large(limit)) } else { Ok(Some(whole.bytes())) }
}

/// What was read so far: one piece, as most bodies are, or several that are copied together.
#[derive(Default)]
struct Intake {
    first: Bytes,
    all: BytesMut,
    overflowed: bool,
}

// === impl Intake ===

impl Intake {
    fn push(&mut self, data: Bytes, limit: usize) {
        self.overflowed |= self.first.len().max(self.all.len()) + data.len() > limit;
        if self.overflowed {
            *self = Self { overflowed: true, ..Self::default() };
        } else if self.first.is_empty() {
            self.first = data;
        } else {
            if self.all.is_empty() {
                self.all.extend_from_slice(&self.first);
            }
            self.all.extend_from_slice(&data);
        }
    }

    fn bytes(self) -> Bytes {
        if self.all.is_empty() { self.first } else { self.all.freeze() }
    }
}
