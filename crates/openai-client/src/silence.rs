use std::{
    future::Future,
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

/// How long a stream has said no token, which it may for a limit.
///
/// Only the time in which its reader waits counts: a token that lies ready while the reader is busy is not late.
#[derive(Debug)]
pub(crate) struct Silence {
    limit: Duration,
    left: Duration,
    /// Since when the reader has been waiting.
    since: Option<Instant>,
    /// Whether the timer runs for that wait.
    runs: bool,
    /// Whether the reader is known to have been away while it seemed to wait.
    was_away: bool,
    timer: Pin<Box<Sleep>>,
    began: Instant,
    /// How long its reader has waited, in all.
    waited: Duration,
}

/// A timer that has run out wakes the reader: one who comes later than this was away.
const LATE: Duration = Duration::from_millis(100);

// === impl Silence ===

impl Silence {
    pub(crate) fn new(limit: Duration) -> Self {
        let (began, waited) = (Instant::now(), Duration::ZERO);
        let timer = Box::pin(sleep_until(after(began, limit)));
        Self { limit, left: limit, since: None, runs: false, was_away: false, timer, began, waited }
    }

    pub(crate) const fn limit(&self) -> Duration {
        self.limit
    }

    /// Notes that the reader waits.
    pub(crate) fn awaited(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }

    /// Notes that something has come: a token, which ends the silence, or something else, which the reader takes its time for.
    pub(crate) fn heard(&mut self, token: bool) {
        let (since, ran) = (self.since.take(), mem::take(&mut self.runs));
        let excused = ran && self.is_excused();
        let waited = since.filter(|_| !excused).map(|since| since.elapsed()).unwrap_or_default();
        self.waited += waited;
        if token {
            (self.left, self.was_away) = (self.limit, false);
        } else if excused {
            self.excuse();
        } else {
            self.left = self.left.saturating_sub(waited);
        }
    }

    /// Whether the reader was away for most of a stream whose time has run out, or at the moment when it did.
    pub(crate) fn is_unread(&self, ended: Instant) -> bool {
        let waited = self.waited + self.since.map(|since| since.elapsed()).unwrap_or_default();
        self.began.elapsed() > waited.saturating_mul(2) || ended.elapsed() >= LATE
    }

    /// Waits on, and resolves when the limit has passed.
    ///
    /// A reader who was away when that happened, as it looked after something else, is given the limit once more: what came in the
    /// meantime may still be on its way from the socket.
    pub(crate) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.runs {
            // A timer has the grain of a millisecond, within which a server that says much and no token is heard again.
            if self.left.is_zero() {
                return Poll::Ready(());
            }
            let since = *self.since.get_or_insert_with(Instant::now);
            self.run(since);
        }
        ready!(self.timer.as_mut().poll(cx));
        if !self.is_excused() {
            return Poll::Ready(());
        }
        self.excuse();
        self.run(Instant::now());
        self.timer.as_mut().poll(cx)
    }

    /// Whether the timer ran out long ago and nobody came, for the first time in this silence.
    fn is_excused(&self) -> bool {
        !self.was_away && self.timer.deadline().elapsed() >= LATE
    }

    fn excuse(&mut self) {
        (self.left, self.was_away) = (self.limit, true);
    }

    fn run(&mut self, since: Instant) {
        (self.since, self.runs) = (Some(since), true);
        self.timer.as_mut().reset(after(since, self.left));
    }
}

/// The moment after a time; a time without end ends in thirty years.
fn after(now: Instant, time: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
    now.checked_add(time).unwrap_or_else(|| now + FAR)
}
