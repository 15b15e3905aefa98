use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_core::{Stream, TryStream};
use mainstay_fault::HasFault;

use super::recording::{Next, Tape};

/// A recorded stream, from its beginning: what has passed at once, and the rest as it comes.
///
/// Whoever plays it polls it for all, so that it goes on as long as one of them is there. A break is the last item for each
/// of them: the one who met it gets the stream's own error, the others one that was made of its fault.
///
/// # Cancel safety
///
/// Dropping the last one before the end drops the stream; it is not kept then, and the next call with its key runs anew.
pub struct Playback<St: TryStream> {
    tape: Arc<Tape<St>>,
    listener: usize,
    place: usize,
    is_over: bool,
}

// === impl Playback ===

impl<St: TryStream> Playback<St> {
    pub(super) const fn new(tape: Arc<Tape<St>>, listener: usize) -> Self {
        Self { tape, listener, place: 0, is_over: false }
    }

    /// Looks at the stream itself, unless it has ended.
    pub fn source<R>(&self, look: impl FnOnce(&St) -> R) -> Option<R> {
        self.tape.source(look)
    }
}

impl<St> Stream for Playback<St>
where
    St: TryStream<Ok: Clone, Error: HasFault>,
{
    type Item = Result<St::Ok, St::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let next = ready!(self.tape.poll_at(self.place, self.listener, cx));
        Poll::Ready(match next {
            Next::Item(item) => {
                self.place += 1;
                Some(Ok(item))
            }
            Next::Whole => {
                self.is_over = true;
                None
            }
            Next::Broken(error) => {
                self.is_over = true;
                Some(Err(error))
            }
        })
    }
}

impl<St: TryStream> Drop for Playback<St> {
    fn drop(&mut self) {
        self.tape.leave(self.listener);
    }
}

impl<St: TryStream> fmt::Debug for Playback<St> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Playback").field("place", &self.place).finish_non_exhaustive()
    }
}
