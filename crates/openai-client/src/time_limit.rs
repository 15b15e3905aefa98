use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

/// How long an attempt may take in all.
///
/// What reads an answer takes it along, and asks it last: what has come by the end is not lost.
pub(crate) struct TimeLimit {
    length: Duration,
    /// Nothing, where it is too far away to tell.
    end: Option<Instant>,
    /// Begun when there is something to wait for, and boxed since futures are moved.
    timer: Option<Pin<Box<Sleep>>>,
}

// === impl TimeLimit ===

impl TimeLimit {
    pub(crate) fn new(now: Instant, length: Duration) -> Self {
        Self { length, end: now.checked_add(length), timer: None }
    }

    pub(crate) const fn length(&self) -> Duration {
        self.length
    }

    pub(crate) const fn end(&self) -> Option<Instant> {
        self.end
    }

    pub(crate) fn is_over(&self) -> bool {
        self.end.is_some_and(|end| end <= Instant::now())
    }

    /// Waits on, and resolves when the time is over: with how long it was.
    pub(crate) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<Duration> {
        let Some(end) = self.end else { return Poll::Pending };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(end)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(self.length)
    }
}
