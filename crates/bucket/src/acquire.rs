use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use pin_project_lite::pin_project;

use crate::{
    Clock, Patience, TokioClock, TooLarge, TryAcquireError, core::Core, held::Place, queue::Queue, wait::Wait,
};

pin_project! {
    /// Waits for tokens. Made by [`TokenBucket::acquire`](crate::TokenBucket::acquire).
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it takes nothing: its place in the line is given up, and the next one is woken if its
    /// tokens are there. It takes its place when it is first polled.
    #[must_use = "futures do nothing unless polled"]
    pub struct Acquire<'a, C: Clock = TokioClock> {
        core: &'a Core<C>,
        tokens: u64,
        // There while it stands in line.
        #[pin]
        wait: Option<Wait>,
    }

    impl<C: Clock> PinnedDrop for Acquire<'_, C> {
        fn drop(this: Pin<&mut Self>) {
            if let Some(wait) = this.wait.as_ref() {
                let turn = wait.turn();
                this.core.leave(turn);
            }
        }
    }
}

// === impl Acquire ===

impl<'a, C: Clock> Acquire<'a, C> {
    pub(crate) const fn new(core: &'a Core<C>, tokens: u64) -> Self {
        Self { core, tokens, wait: None }
    }
}

impl<C: Clock> Future for Acquire<'_, C> {
    type Output = Result<Duration, TooLarge>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            if let Some(wait) = this.wait.as_mut().as_pin_mut() {
                let waited = ready!(wait.poll(*this.core, cx));
                this.wait.set(None);
                return Poll::Ready(Ok(waited));
            }
            match take_or_join(this.core, *this.tokens)? {
                None => return Poll::Ready(Ok(Duration::ZERO)),
                Some(place) => this.wait.set(Some(Wait::new(place))),
            }
        }
    }
}

fn take_or_join<C: Clock>(core: &Core<C>, tokens: u64) -> Result<Option<Place>, TooLarge> {
    match core.try_take(tokens) {
        Ok(()) => Ok(None),
        Err(TryAcquireError::TooLarge(error)) => Err(error),
        Err(TryAcquireError::NotYet(_)) => {
            let place = core.take_or_join(tokens, Patience::ENDLESS);
            Ok(place.expect("who has endless patience is not refused"))
        }
    }
}

impl<C: Clock> fmt::Debug for Acquire<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquire").field("tokens", &self.tokens).finish_non_exhaustive()
    }
}
