use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep};

use crate::{held::Place, line::Turn, queue::Queue};

pin_project! {
    /// One who stands in line. Whoever holds it leaves the line when it goes away.
    pub(crate) struct Wait {
        turn: Turn,
        since: Instant,
        #[pin]
        sleep: Sleep,
    }
}

// === impl Wait ===

impl Wait {
    pub(crate) fn new(place: Place) -> Self {
        Self { turn: place.turn, since: Instant::now(), sleep: sleep(place.wait) }
    }

    pub(crate) const fn turn(&self) -> Turn {
        self.turn
    }

    /// Sleeps until its turn has come and its tokens are there. Only the first in line needs to set its timer anew: the
    /// others are woken when they have become the first.
    pub(crate) fn poll<Q: Queue + ?Sized>(
        self: Pin<&mut Self>,
        queue: &Q,
        cx: &mut Context<'_>,
    ) -> Poll<Duration> {
        let mut this = self.project();
        let mut slept = false;
        loop {
            match queue.fetch(*this.turn, cx.waker()) {
                Ok(()) => return Poll::Ready(this.since.elapsed()),
                Err(Some(wait)) => this.sleep.as_mut().reset(Instant::now() + wait),
                Err(None) if slept => return Poll::Pending,
                Err(None) => {}
            }
            ready!(this.sleep.as_mut().poll(cx));
            slept = true;
        }
    }
}
