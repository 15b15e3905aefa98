use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep};

use crate::{Limited, Patience, Reservation, wait::Wait};

pin_project! {
    /// Takes several limits, one after the other. Made by [`Limits::reserve`](crate::Limits::reserve).
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it gives back what was taken, and its place in the line.
    #[must_use = "futures do nothing unless polled"]
    pub struct Reserve {
        // There until it is ready, unless it is refused from the beginning.
        reservation: Option<Reservation>,
        refused: Option<Limited>,
        patience: Patience,
        // There while it stands in line for the reservation's next limit.
        #[pin]
        wait: Option<Wait>,
        // There since it stood in line for the first time.
        #[pin]
        end: Option<Sleep>,
    }

    impl PinnedDrop for Reserve {
        fn drop(this: Pin<&mut Self>) {
            this.leave();
        }
    }
}

// === impl Reserve ===

impl Reserve {
    pub(crate) const fn new(reservation: Reservation, patience: Patience) -> Self {
        Self { reservation: Some(reservation), refused: None, patience, wait: None, end: None }
    }

    pub(crate) const fn refused(error: Limited) -> Self {
        Self { reservation: None, refused: Some(error), patience: Patience::ENDLESS, wait: None, end: None }
    }

    /// Takes what is there, and then a place in the line for what is not. Tells whether it has all.
    fn begin(self: Pin<&mut Self>) -> Result<bool, Limited> {
        let mut this = self.project();
        let Some(reservation) = this.reservation.as_mut() else { return Ok(false) };
        if reservation.try_complete() {
            return Ok(true);
        }
        let left = match this.end.as_ref().as_pin_ref() {
            None => {
                reservation.foresee(this.patience.wait)?;
                this.patience.wait
            }
            Some(end) => end.deadline().saturating_duration_since(Instant::now()),
        };
        match reservation.take_or_join(Patience { wait: left, ..*this.patience })? {
            None => reservation.took_next(),
            Some(place) => this.wait.set(Some(Wait::new(place))),
        }
        if this.end.is_none() {
            this.end.set(Some(sleep(left)));
        }
        Ok(false)
    }

    /// Waits for its turn, until it has come or the time is up.
    fn poll_wait(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Limited>> {
        let mut this = self.project();
        let (Some(wait), Some(reservation)) = (this.wait.as_mut().as_pin_mut(), this.reservation.as_mut())
        else {
            return Poll::Ready(Ok(()));
        };
        let Some((limit, _, queue)) = reservation.queue() else { return Poll::Ready(Ok(())) };
        let turn = wait.turn();
        let turned = wait.poll(queue, cx).is_ready();
        if !turned {
            let Some(end) = this.end.as_pin_mut() else { return Poll::Pending };
            ready!(end.poll(cx));
            queue.leave(turn);
        }
        this.wait.set(None);
        if turned {
            reservation.took_next();
            return Poll::Ready(Ok(()));
        }
        Poll::Ready(Err(reservation.too_long(limit)))
    }

    /// Gives up its place in the line.
    fn leave(self: Pin<&mut Self>) {
        let this = self.project();
        if let Some(wait) = this.wait.as_ref().as_pin_ref()
            && let Some((_, _, queue)) = this.reservation.as_ref().and_then(Reservation::queue)
        {
            queue.leave(wait.turn());
        }
    }
}

impl Future for Reserve {
    type Output = Result<Reservation, Limited>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(error) = self.as_mut().project().refused.take() {
            return Poll::Ready(Err(error));
        }
        loop {
            let outcome = match ready!(self.as_mut().poll_wait(cx)) {
                Ok(()) => self.as_mut().begin(),
                Err(error) => Err(error),
            };
            if matches!(outcome, Ok(false)) {
                continue;
            }
            let reservation = self.as_mut().project().reservation.take();
            let reservation = reservation.expect("a future is not polled after it was ready");
            return Poll::Ready(outcome.map(|_| reservation));
        }
    }
}

impl fmt::Debug for Reserve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reserve").field("patience", &self.patience).finish_non_exhaustive()
    }
}
