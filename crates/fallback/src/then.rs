use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use mainstay_fault::HasFault;
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::{Answer, Exhausted, MapRequest, Tier, Trail};

/// A tier below others. Made by [`Fallback::then`](crate::Fallback::then).
///
/// # Clone
///
/// The tier's service is shared until its turn has come, and cloned then.
pub struct Then<U, S, M> {
    above: U,
    tier: Arc<Tier<S, M>>,
}

pin_project! {
    /// A call of a [`Then`]: of the tiers above, then of this one.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the tier that is being asked.
    #[must_use = "futures do nothing unless polled"]
    pub struct ThenFuture<F, S, M, Request, E>
    where
        M: MapRequest<Request, E>,
        S: Service<M::Mapped>,
    {
        #[pin]
        state: State<F, S, M::Mapped, S::Future>,
        // What the tiers above failed with.
        trail: Trail<E>,
        // Until this tier is asked.
        kept: Option<Request>,
        tier: Arc<Tier<S, M>>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, S, Mapped, G> {
        // To `Readying` after a fault that this tier takes over, or done.
        Above { #[pin] future: F },
        // To `Calling`, or done.
        Readying { service: S, request: Option<Mapped> },
        // Done.
        Calling { #[pin] future: G },
    }
}

// === impl Then ===

impl<U, S, M> Then<U, S, M> {
    pub(crate) fn new(above: U, tier: Tier<S, M>) -> Self {
        Self { above, tier: Arc::new(tier) }
    }
}

impl<U, S, M, Request, R, E> Service<Request> for Then<U, S, M>
where
    U: Service<Request, Response = Answer<R, E>, Error = Exhausted<E>>,
    S: Service<M::Mapped, Response: Into<R>> + Clone,
    M: MapRequest<Request, E>,
    E: From<S::Error> + HasFault,
    Request: Clone,
{
    type Response = Answer<R, E>;
    type Error = Exhausted<E>;
    type Future = ThenFuture<U::Future, S, M, Request, E>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.above.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let kept = Some(request.clone());
        let state = State::Above { future: self.above.call(request) };
        ThenFuture { state, trail: Trail::new(), kept, tier: Arc::clone(&self.tier) }
    }
}

impl<U: Clone, S, M> Clone for Then<U, S, M> {
    fn clone(&self) -> Self {
        Self { above: self.above.clone(), tier: Arc::clone(&self.tier) }
    }
}

impl<U: fmt::Debug, S: fmt::Debug, M> fmt::Debug for Then<U, S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Then").field("above", &self.above).field("tier", &self.tier).finish()
    }
}

// === impl ThenFuture ===

impl<F, S, M, Request, R, E> Future for ThenFuture<F, S, M, Request, E>
where
    F: Future<Output = Result<Answer<R, E>, Exhausted<E>>>,
    S: Service<M::Mapped, Response: Into<R>> + Clone,
    M: MapRequest<Request, E>,
    E: From<S::Error> + HasFault,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProj::Above { future } => match ready!(future.poll(cx)) {
                    Err(exhausted) if this.tier.follows(exhausted.trail()) => {
                        *this.trail = exhausted.into_trail();
                        let (service, request) = this.tier.begin_last(this.kept, this.trail);
                        State::Readying { service, request: Some(request) }
                    }
                    outcome => return Poll::Ready(outcome),
                },
                StateProj::Readying { service, request } => match ready!(service.poll_ready(cx)) {
                    Ok(()) => State::Calling { future: service.call(taken(request)) },
                    Err(error) => return Poll::Ready(this.tier.fail(error, this.trail)),
                },
                StateProj::Calling { future } => {
                    return Poll::Ready(match ready!(future.poll(cx)) {
                        Ok(response) => Ok(this.tier.answer(response, this.trail)),
                        Err(error) => this.tier.fail(error, this.trail),
                    });
                }
            };
            this.state.set(next);
        }
    }
}

pub(crate) fn taken<T>(request: &mut Option<T>) -> T {
    request.take().expect("a service is called once")
}

// === impl Tier ===

/// The steps of a tier's turn, for whoever drives it.
impl<S, M> Tier<S, M> {
    /// Whether it takes over what the tiers above have failed with: any tier does, if none was asked yet.
    pub(crate) fn follows<E>(&self, above: &Trail<E>) -> bool {
        above.is_empty() || self.takes_over(above.iter().map(|fallen| (fallen.fault(), fallen.window())))
    }

    /// Its service and its request.
    pub(crate) fn begin<Request, E>(&self, request: &Request, above: &Trail<E>) -> (S, M::Mapped)
    where
        S: Clone,
        M: MapRequest<Request, E>,
    {
        self.tell(above);
        (self.service.clone(), self.map.map_request(request, above))
    }

    /// The same of a tier below which nobody needs the request: it takes that itself.
    pub(crate) fn begin_last<Request, E>(
        &self,
        request: &mut Option<Request>,
        above: &Trail<E>,
    ) -> (S, M::Mapped)
    where
        S: Clone,
        M: MapRequest<Request, E>,
    {
        self.tell(above);
        (self.service.clone(), self.map.map_last(taken(request), above))
    }

    pub(crate) fn answer<T: Into<R>, R, E>(&self, response: T, above: &mut Trail<E>) -> Answer<R, E> {
        Answer::new(response.into(), Arc::clone(&self.label), std::mem::take(above))
    }

    pub(crate) fn fail<T, R, E>(&self, error: T, above: &mut Trail<E>) -> Result<Answer<R, E>, Exhausted<E>>
    where
        E: From<T> + HasFault,
    {
        Err(Exhausted::from_trail(std::mem::take(above)).then(&self.label, error.into()))
    }
}

impl<F, S, M, Request, E> fmt::Debug for ThenFuture<F, S, M, Request, E>
where
    M: MapRequest<Request, E>,
    S: Service<M::Mapped>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThenFuture").finish_non_exhaustive()
    }
}
