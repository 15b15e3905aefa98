use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use mainstay_fault::HasFault;
use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};
use tower_service::Service;

use crate::{Answer, Exhausted, Hedge, MapRequest, Tier, Trail, then::taken};

/// A tier below others that is begun too when they are slow. Made by [`Fallback::hedged`](crate::Fallback::hedged).
pub struct Hedged<U, S, M> {
    above: U,
    tier: Arc<Tier<S, M>>,
    hedge: Hedge,
}

pin_project! {
    /// A call of a [`Hedged`]: of the tiers above, and of this one when they are slow or have failed.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops whatever is being asked. So does an answer: of two that are asked, the slower is dropped.
    #[must_use = "futures do nothing unless polled"]
    pub struct HedgedFuture<F, S, M, Request, E>
    where
        M: MapRequest<Request, E>,
        S: Service<M::Mapped>,
    {
        // Gone when they have failed.
        #[pin]
        above: Option<F>,
        // Gone when it has rung.
        #[pin]
        timer: Option<Sleep>,
        #[pin]
        below: Below<S, M::Mapped, S::Future>,
        // What the tiers above failed with.
        trail: Trail<E>,
        // What this tier failed with, while those above are still asked.
        error: Option<S::Error>,
        // Until this tier is asked.
        kept: Option<Request>,
        tier: Arc<Tier<S, M>>,
        hedge: Hedge,
    }
}

pin_project! {
    #[project = BelowProj]
    enum Below<S, Mapped, F> {
        // To `Readying` when those above are slow or have failed.
        Idle,
        // To `Calling`, or to `Failed`.
        Readying { service: S, request: Option<Mapped> },
        // Done, or to `Failed`.
        Calling { #[pin] future: F },
        // Done when those above are.
        Failed,
    }
}

// === impl Hedged ===

impl<U, S, M> Hedged<U, S, M> {
    pub(crate) fn new(above: U, tier: Tier<S, M>, hedge: Hedge) -> Self {
        Self { above, tier: Arc::new(tier), hedge }
    }
}

impl<U, S, M, Request, R, E> Service<Request> for Hedged<U, S, M>
where
    U: Service<Request, Response = Answer<R, E>, Error = Exhausted<E>>,
    S: Service<M::Mapped, Response: Into<R>> + Clone,
    M: MapRequest<Request, E>,
    E: From<S::Error> + HasFault,
    Request: Clone,
{
    type Response = Answer<R, E>;
    type Error = Exhausted<E>;
    type Future = HedgedFuture<U::Future, S, M, Request, E>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.above.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let kept = request.clone();
        HedgedFuture {
            above: Some(self.above.call(request)),
            timer: Some(sleep(self.hedge.delay())),
            below: Below::Idle,
            trail: Trail::new(),
            error: None,
            kept: Some(kept),
            tier: Arc::clone(&self.tier),
            hedge: self.hedge.clone(),
        }
    }
}

impl<U: Clone, S, M> Clone for Hedged<U, S, M> {
    fn clone(&self) -> Self {
        Self { above: self.above.clone(), tier: Arc::clone(&self.tier), hedge: self.hedge.clone() }
    }
}

impl<U: fmt::Debug, S: fmt::Debug, M> fmt::Debug for Hedged<U, S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { above, tier, hedge } = self;
        f.debug_struct("Hedged").field("above", above).field("tier", tier).field("hedge", hedge).finish()
    }
}

// === impl HedgedFuture ===

impl<F, S, M, Request, R, E> Future for HedgedFuture<F, S, M, Request, E>
where
    F: Future<Output = Result<Answer<R, E>, Exhausted<E>>>,
    S: Service<M::Mapped, Response: Into<R>> + Clone,
    M: MapRequest<Request, E>,
    E: From<S::Error> + HasFault,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(outcome) = self.as_mut().poll_above(cx) {
            return Poll::Ready(outcome);
        }
        self.as_mut().poll_timer(cx);
        let outcome = ready!(self.as_mut().poll_below(cx));
        let this = self.project();
        match outcome {
            Ok(response) => Poll::Ready(Ok(this.tier.answer(response, this.trail))),
            Err(error) if this.above.is_none() => Poll::Ready(this.tier.fail(error, this.trail)),
            Err(error) => {
                *this.error = Some(error);
                Poll::Pending
            }
        }
    }
}

impl<F, S, M, Request, R, E> HedgedFuture<F, S, M, Request, E>
where
    F: Future<Output = Result<Answer<R, E>, Exhausted<E>>>,
    S: Service<M::Mapped, Response: Into<R>> + Clone,
    M: MapRequest<Request, E>,
    E: From<S::Error> + HasFault,
{
    /// Asks the tiers above; ready with what ends the call.
    fn poll_above(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let Some(above) = this.above.as_mut().as_pin_mut() else { return Poll::Pending };
        let outcome = ready!(above.poll(cx));
        this.above.set(None);
        if this.timer.is_some() && outcome.is_ok() {
            this.hedge.observe(false);
        }
        this.timer.set(None);
        let exhausted = match outcome {
            Err(exhausted) if this.tier.follows(exhausted.trail()) => exhausted,
            outcome => return Poll::Ready(outcome),
        };
        *this.trail = exhausted.into_trail();
        if let Some(error) = this.error.take() {
            return Poll::Ready(this.tier.fail(error, this.trail));
        }
        if matches!(*this.below, Below::Idle) {
            let (service, request) = this.tier.begin_last(this.kept, this.trail);
            this.below.set(Below::Readying { service, request: Some(request) });
        }
        Poll::Pending
    }

    /// Begins this tier when the tiers above are slower than they mostly are.
    fn poll_timer(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        let mut this = self.project();
        let Some(timer) = this.timer.as_mut().as_pin_mut() else { return };
        if timer.poll(cx).is_pending() {
            return;
        }
        this.timer.set(None);
        this.hedge.observe(true);
        if this.hedge.agrees() {
            let (service, request) = this.tier.begin_last(this.kept, this.trail);
            this.below.set(Below::Readying { service, request: Some(request) });
        }
    }

    /// Asks this tier, if it was begun.
    fn poll_below(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<S::Response, S::Error>> {
        let mut this = self.project();
        loop {
            let outcome = match this.below.as_mut().project() {
                BelowProj::Idle | BelowProj::Failed => return Poll::Pending,
                BelowProj::Readying { service, request } => match ready!(service.poll_ready(cx)) {
                    Ok(()) => {
                        let future = service.call(taken(request));
                        this.below.set(Below::Calling { future });
                        continue;
                    }
                    Err(error) => Err(error),
                },
                BelowProj::Calling { future } => ready!(future.poll(cx)),
            };
            this.below.set(Below::Failed);
            return Poll::Ready(outcome);
        }
    }
}

impl<F, S, M, Request, E> fmt::Debug for HedgedFuture<F, S, M, Request, E>
where
    M: MapRequest<Request, E>,
    S: Service<M::Mapped>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HedgedFuture").finish_non_exhaustive()
    }
}
