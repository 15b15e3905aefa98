use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use mainstay_fault::HasFault;
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::{Answer, Degradation, Exhausted, MapRequest, Same, Tier, Trail, then::taken};

/// Tiers of one type, as many as a configuration says.
///
/// Tiers whose services are of different types are given one by boxing them
/// (`tower::util::BoxCloneSyncService`). It behaves as [`Fallback`](crate::Fallback) does. An empty list fails each call with a
/// fault of kind [`Shed`](mainstay_fault::FaultKind::Shed).
///
/// # Clone
///
/// The tiers are shared; a tier's service is cloned when its turn has come.
///
/// # Examples
///
/// ```
/// use mainstay_fallback::{Tier, TierList};
/// use mainstay_fault::{Fault, FaultKind};
/// use tower::{ServiceExt, util::BoxCloneSyncService, service_fn};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let tiers = ["large", "small", "tiny"].map(|name| {
///     let service = service_fn(move |_: ()| async move {
///         if name == "tiny" { Ok(name) } else { Err(Fault::from(FaultKind::Unavailable)) }
///     });
///     Tier::new(name, BoxCloneSyncService::new(service))
/// });
/// let answer = TierList::new(tiers).oneshot(()).await?;
/// assert_eq!((*answer, answer.trail().len()), ("tiny", 2));
/// # Ok::<_, mainstay_fallback::Exhausted<Fault>>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct TierList<S, E, M = Same> {
    tiers: Arc<[Tier<S, M>]>,
    error: PhantomData<fn() -> E>,
}

pin_project! {
    /// A call of a [`TierList`].
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the tier that is being asked.
    #[must_use = "futures do nothing unless polled"]
    pub struct ListFuture<S, M, Request, E>
    where
        M: MapRequest<Request, E>,
        S: Service<M::Mapped>,
    {
        #[pin]
        state: State<S, M::Mapped, S::Future>,
        trail: Trail<E>,
        // Until the last tier takes it.
        request: Option<Request>,
        tiers: Arc<[Tier<S, M>]>,
        at: usize,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, Mapped, F> {
        // To `Readying` with the next tier that takes over, or done.
        Choosing,
        // To `Calling`, or to `Choosing` with the tier after it.
        Readying { service: S, request: Option<Mapped> },
        // Done, or to `Choosing` with the tier after it.
        Calling { #[pin] future: F },
    }
}

// === impl TierList ===

impl<S, E, M> TierList<S, E, M> {
    /// Creates the list from its tiers, the first first.
    pub fn new(tiers: impl IntoIterator<Item = Tier<S, M>>) -> Self {
        let mut tiers: Vec<_> = tiers.into_iter().collect();
        if let Some(first) = tiers.first_mut() {
            Arc::make_mut(&mut first.label).degraded = Degradation::None;
        }
        Self { tiers: tiers.into(), error: PhantomData }
    }
}

impl<S, E, M, Request> Service<Request> for TierList<S, E, M>
where
    M: MapRequest<Request, E>,
    S: Service<M::Mapped> + Clone,
    E: From<S::Error> + HasFault,
{
    type Response = Answer<S::Response, E>;
    type Error = Exhausted<E>;
    type Future = ListFuture<S, M, Request, E>;

    /// Ready at once: each tier is polled ready when its turn has come.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let (state, trail, tiers) = (State::Choosing, Trail::new(), Arc::clone(&self.tiers));
        ListFuture { state, trail, request: Some(request), tiers, at: 0 }
    }
}

impl<S, E, M> Clone for TierList<S, E, M> {
    fn clone(&self) -> Self {
        Self { tiers: Arc::clone(&self.tiers), error: PhantomData }
    }
}

impl<S: fmt::Debug, E, M> fmt::Debug for TierList<S, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TierList").field("tiers", &self.tiers).finish()
    }
}

// === impl ListFuture ===

impl<S, M, Request, E> Future for ListFuture<S, M, Request, E>
where
    M: MapRequest<Request, E>,
    S: Service<M::Mapped> + Clone,
    E: From<S::Error> + HasFault,
{
    type Output = Result<Answer<S::Response, E>, Exhausted<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let outcome = match this.state.as_mut().project() {
                StateProj::Choosing => {
                    let Some(tier) = next(this.tiers, this.at, this.trail) else {
                        return Poll::Ready(Err(Exhausted::from_trail(mem::take(this.trail))));
                    };
                    let is_last = *this.at + 1 == this.tiers.len();
                    let (service, request) = match this.request.as_ref().filter(|_| !is_last) {
                        Some(request) => tier.begin(request, this.trail),
                        None => tier.begin_last(this.request, this.trail),
                    };
                    this.state.set(State::Readying { service, request: Some(request) });
                    continue;
                }
                StateProj::Readying { service, request } => match ready!(service.poll_ready(cx)) {
                    Ok(()) => {
                        let future = service.call(taken(request));
                        this.state.set(State::Calling { future });
                        continue;
                    }
                    Err(error) => Err(error),
                },
                StateProj::Calling { future } => ready!(future.poll(cx)),
            };
            let Some(tier) = this.tiers.get(*this.at) else { continue };
            match outcome {
                Ok(response) => return Poll::Ready(Ok(tier.answer(response, this.trail))),
                Err(error) => this.trail.push(&tier.label, error.into()),
            }
            *this.at += 1;
            this.state.set(State::Choosing);
        }
    }
}

/// The next tier that takes over what those above have failed with: any, if none was asked yet.
fn next<'a, S, M, E>(tiers: &'a [Tier<S, M>], at: &mut usize, trail: &Trail<E>) -> Option<&'a Tier<S, M>> {
    let passed = tiers.get(*at..)?.iter().position(|tier| tier.follows(trail))?;
    *at += passed;
    tiers.get(*at)
}

impl<S, M, Request, E> fmt::Debug for ListFuture<S, M, Request, E>
where
    M: MapRequest<Request, E>,
    S: Service<M::Mapped>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListFuture").field("at", &self.at).finish_non_exhaustive()
    }
}
