use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use futures_core::TryStream;
use mainstay_fault::{Fault, FaultKind, HasFault};

use tokio::time::Instant;

use super::{items::Items, playback::Playback, wakers::Wakers};
use crate::{Refused, life::Life};

/// A stream that is kept as it passes: what a [`Memory`](crate::Memory) holds of an answer that is streamed.
///
/// The one that a call gets counts as a listener until it is dropped: the stream is there when it is played.
///
/// # Clone
///
/// Clones share the stream, and do not count.
pub struct Recording<St: TryStream> {
    tape: Arc<Tape<St>>,
    /// Whether it counts as a listener.
    holds: bool,
}

pub(super) struct Tape<St: TryStream> {
    reel: Mutex<Reel<St>>,
    wakers: Arc<Wakers>,
    error: fn(Refused) -> St::Error,
}

struct Reel<St: TryStream> {
    /// The stream, until it has ended.
    source: Option<Pin<Box<St>>>,
    items: Items<St::Ok>,
    end: Option<End>,
    /// How many play it now, or are about to, and how many ever have played it.
    listeners: usize,
    played: usize,
}

#[derive(Clone, Copy)]
enum End {
    Whole(Instant),
    Broken(Fault),
}

/// What a tape has at a place.
pub(super) enum Next<T, E> {
    Item(T),
    Whole,
    Broken(E),
}

// === impl Recording ===

impl<St: TryStream> Recording<St> {
    /// Begins to keep a stream, for a first listener. It is polled by those who play it, whoever of them comes first.
    pub(super) fn new(stream: St, error: fn(Refused) -> St::Error, items: Items<St::Ok>) -> Self {
        let source = Some(Box::pin(stream));
        let reel = Reel { source, items, end: None, listeners: 1, played: 0 };
        let tape = Tape { reel: Mutex::new(reel), wakers: Arc::default(), error };
        Self { tape: Arc::new(tape), holds: true }
    }

    /// One for another listener; `None` if it broke, or everybody has left it.
    pub(crate) fn held(&self) -> Option<Self> {
        let mut reel = self.tape.reel();
        if matches!(reel.end, Some(End::Broken(_))) {
            return None;
        }
        reel.listeners += 1;
        Some(Self { tape: Arc::clone(&self.tape), holds: true })
    }

    /// Whether it is whole, or may still become so: one that broke, or that everybody left, is not played again.
    pub fn stands(&self) -> bool {
        !matches!(self.tape.reel().end, Some(End::Broken(_)))
    }

    pub(crate) fn life(&self) -> Life {
        match self.tape.reel().end {
            None => Life::UnderWay,
            Some(End::Whole(at)) => Life::Ended(at),
            Some(End::Broken(_)) => Life::Over,
        }
    }

    /// Looks at the stream itself, unless it has ended.
    pub fn source<R>(&self, look: impl FnOnce(&St) -> R) -> Option<R> {
        self.tape.source(look)
    }

    /// Plays it from its beginning.
    pub fn play(&self) -> Playback<St> {
        let mut reel = self.tape.reel();
        reel.listeners += 1;
        reel.played += 1;
        Playback::new(Arc::clone(&self.tape), reel.played)
    }
}

impl<St: TryStream> Clone for Recording<St> {
    fn clone(&self) -> Self {
        Self { tape: Arc::clone(&self.tape), holds: false }
    }
}

impl<St: TryStream> Drop for Recording<St> {
    fn drop(&mut self) {
        if self.holds {
            self.tape.let_go();
        }
    }
}

impl<St: TryStream> fmt::Debug for Recording<St> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reel = self.tape.reel();
        let (items, listeners) = (reel.items.len(), reel.listeners);
        f.debug_struct("Recording")
            .field("items", &items)
            .field("listeners", &listeners)
            .finish_non_exhaustive()
    }
}

// === impl Tape ===

impl<St: TryStream> Tape<St> {
    fn reel(&self) -> MutexGuard<'_, Reel<St>> {
        self.reel.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn source<R>(&self, look: impl FnOnce(&St) -> R) -> Option<R> {
        self.reel().source.as_deref().map(look)
    }

    /// A listener who played it has gone.
    pub(super) fn leave(&self, listener: usize) {
        self.wakers.remove(listener);
        self.let_go();
    }

    /// A listener has gone. When the last one leaves before the end, the stream is dropped, as if it had had only one; of one that
    /// broke, nothing is kept then.
    fn let_go(&self) {
        let mut reel = self.reel();
        reel.listeners -= 1;
        match (reel.end, reel.listeners) {
            (None, 0) => reel.end = Some(End::Broken(FaultKind::Cancelled.into())),
            (Some(End::Broken(_)), 0) => {}
            (Some(End::Broken(_)), _) => {
                drop(reel);
                // The one that has gone may have met a panic, and told nobody.
                return self.wakers.wake_all();
            }
            (None | Some(End::Whole(_)), _) => return,
        }
        let left = (reel.source.take(), std::mem::replace(&mut reel.items, Items::plain()));
        drop(reel);
        drop(left);
    }
}

impl<St> Tape<St>
where
    St: TryStream<Ok: Clone, Error: HasFault>,
{
    /// What is at a place: kept, or read from the stream now, for all.
    pub(super) fn poll_at(
        &self,
        place: usize,
        listener: usize,
        cx: &mut Context<'_>,
    ) -> Poll<Next<St::Ok, St::Error>> {
        let mut reel = self.reel();
        if place < reel.items.len() {
            let lost = || Next::Broken((self.error)(Refused::failed(FaultKind::Malformed.into())));
            return Poll::Ready(reel.items.get(place).map_or_else(lost, Next::Item));
        }
        if let Some(end) = reel.end {
            return Poll::Ready(match end {
                End::Whole(_) => Next::Whole,
                End::Broken(fault) => Next::Broken((self.error)(Refused::failed(fault))),
            });
        }
        self.wakers.add(listener, cx.waker());
        let waker = Waker::from(Arc::clone(&self.wakers));
        let next = reel.read(&mut Context::from_waker(&waker));
        drop(reel);
        if next.is_ready() {
            self.wakers.remove(listener);
            self.wakers.wake_all();
        }
        next
    }
}

// === impl Reel ===

impl<St> Reel<St>
where
    St: TryStream<Ok: Clone, Error: HasFault>,
{
    fn read(&mut self, cx: &mut Context<'_>) -> Poll<Next<St::Ok, St::Error>> {
        // It is put back unless it ends, or panics: nobody polls it then.
        let broken = End::Broken(FaultKind::Interrupted.into());
        let mut source = self.source.take();
        self.end = Some(broken);
        let Some(stream) = source.as_mut() else { return Poll::Ready(Next::Whole) };
        let (end, next) = match stream.as_mut().try_poll_next(cx) {
            Poll::Pending => (None, Poll::Pending),
            Poll::Ready(Some(Ok(item))) => {
                self.items.push(&item);
                (None, Poll::Ready(Next::Item(item)))
            }
            Poll::Ready(Some(Err(error))) => {
                (Some(End::Broken(error.fault())), Poll::Ready(Next::Broken(error)))
            }
            Poll::Ready(None) => {
                self.items.finish();
                (Some(End::Whole(Instant::now())), Poll::Ready(Next::Whole))
            }
        };
        self.end = end;
        self.source = source.filter(|_| end.is_none());
        next
    }
}
