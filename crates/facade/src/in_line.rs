//! Who stands in line for limits, as the journals of calls know it.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use mainstay_bucket::{Limited, Limiter, Patience, Reservation};
use mainstay_fault::{HasCall, Journal};
use pin_project_lite::pin_project;

/// A limiter whose line is written down: what stands there is not sent, and costs nothing if it is given up.
#[allow(unnameable_types, reason = "a part of a service's type that nobody names")]
#[derive(Clone, Debug)]
pub struct InLine<L> {
    limiter: L,
}

pin_project! {
    #[allow(missing_debug_implementations, reason = "a future")]
    #[allow(unnameable_types, reason = "a part of a service's type that nobody names")]
    pub struct InLineFuture<F> {
        #[pin]
        reserve: F,
        journal: Option<Journal>,
    }
}

// === impl InLine ===

impl<L> InLine<L> {
    pub(crate) const fn new(limiter: L) -> Self {
        Self { limiter }
    }
}

impl<L: Limiter<R>, R: HasCall> Limiter<R> for InLine<L> {
    type Reserve = InLineFuture<L::Reserve>;

    fn try_reserve(&self, request: &R, tokens: u64) -> Option<Reservation> {
        self.limiter.try_reserve(request, tokens)
    }

    fn reserve(&self, request: &R, tokens: u64, patience: Patience) -> Self::Reserve {
        let journal = request.call().and_then(|call| call.journal.clone());
        if let Some(journal) = &journal {
            journal.stands_in_line(true);
        }
        InLineFuture { reserve: self.limiter.reserve(request, tokens, patience), journal }
    }
}

// === impl InLineFuture ===

impl<F: Future<Output = Result<Reservation, Limited>>> Future for InLineFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let outcome = ready!(this.reserve.poll(cx));
        if let (Ok(_), Some(journal)) = (&outcome, this.journal) {
            journal.stands_in_line(false);
        }
        Poll::Ready(outcome)
    }
}
