//! A connection whose end can be chosen: answered as usual, closed without a word, or reset.
//!
//! HTTP is hyper's; what it cannot do is to fail on purpose. So the socket that hyper writes to has a fate. Whoever plays
//! an answer sets it, and hyper meets it at its next flush, when everything before it has been written: the flush fails,
//! hyper gives the connection up, and the socket is dropped. A reset is a drop with `SO_LINGER` of zero, on which the
//! kernel sends RST in place of FIN.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll},
};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::ledger::Ledger;

/// How a connection ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With FIN.
    Close,
    /// With RST.
    Reset,
}

/// The handle by which an answer ends its connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line(Arc<AtomicU8>);

/// A socket with a fate.
pub(crate) struct Socket {
    stream: TokioIo<TcpStream>,
    line: Line,
    ledger: Arc<Ledger>,
}

const CLOSE: u8 = 1;
const RESET: u8 = 2;

// === impl Line ===

impl Line {
    /// Ends the connection as soon as all that was written before is on its way.
    ///
    /// To be called where hyper polls, that is by a service or a body that then is pending: hyper flushes after either.
    pub(crate) fn end(&self, ending: Ending) {
        let fate = match ending {
            Ending::Close => CLOSE,
            Ending::Reset => RESET,
        };
        self.0.store(fate, Ordering::Release);
    }

    fn fate(&self) -> u8 {
        self.0.load(Ordering::Acquire)
    }
}

// === impl Socket ===

impl Socket {
    pub(crate) fn new(stream: TcpStream, ledger: Arc<Ledger>) -> Self {
        // Without it an answer of two segments waits 40 ms for the acknowledgement of the first. A socket that refuses
        // the option is already dead, and reading it will say so.
        let _ = stream.set_nodelay(true);
        ledger.connected();
        Self { stream: TokioIo::new(stream), line: Line::default(), ledger }
    }

    pub(crate) fn line(&self) -> Line {
        self.line.clone()
    }

    fn stream(self: Pin<&mut Self>) -> Pin<&mut TokioIo<TcpStream>> {
        Pin::new(&mut self.get_mut().stream)
    }
}

impl Read for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_read(cx, buf)
    }
}

impl Write for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.stream().poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.line.fate() {
            0 => self.stream().poll_flush(cx),
            _ => Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write_vectored(cx, bufs)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.line.fate() == RESET {
            // It fails only on a socket that the peer has reset first.
            let _ = self.stream.inner().set_zero_linger();
        }
        self.ledger.disconnected();
    }
}
