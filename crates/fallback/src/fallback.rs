use std::{
    sync::Arc,
    task::{Context, Poll},
};

use tower_service::Service;

use crate::{First, Hedge, Hedged, Then, Tier};

/// Tiers tried in order, each for the faults that it takes over.
///
/// The tiers may be services of different types: each [`then`](Self::then) wraps what is there into one type more, so that
/// nothing is boxed. Where the tiers are known only at run time, take a [`TierList`](crate::TierList).
///
/// Between a fault and the next tier's request there is no wait. A fault that a tier does not take over is offered to the
/// ones below it; if none does, it ends the call.
///
/// # Readiness
///
/// Ready when the first tier is. The tiers below are polled ready when their turn has come. So what has a limit of its own, such as
/// tower's `ConcurrencyLimit`, is waited for as the first tier, unless a `load_shed` around it has the next one serve meanwhile;
/// and a first tier whose `poll_ready` fails, as one behind a `Buffer` whose worker has ended, fails all calls, where a
/// [`TierList`](crate::TierList) goes on.
///
/// # Cancel safety
///
/// Dropping a call drops the tier that is being asked.
///
/// # Errors
///
/// [`Exhausted`](crate::Exhausted), with every tier's error.
///
/// # Examples
///
/// ```
/// use mainstay_fallback::{Degradation, Fallback, SetAnswer, Tier};
/// use mainstay_fault::{Fault, FaultKind};
/// use tower::{ServiceExt, service_fn};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let model = service_fn(|_: &'static str| async { Err::<String, _>(Fault::from(FaultKind::Overloaded)) });
/// let tiers = Fallback::first("model", model)
///     .then(Tier::local("sorry", SetAnswer::of("We are at it.".to_owned())).degraded(Degradation::SetAnswer));
///
/// let answer = tiers.oneshot("Where is my parcel?").await?;
/// assert_eq!(*answer, "We are at it.");
/// assert_eq!(answer.trail().last().map(|fallen| fallen.fault().kind), Some(FaultKind::Overloaded));
/// # Ok::<_, mainstay_fallback::Exhausted<Fault>>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Fallback<C>(C);

// === impl Fallback ===

impl<S> Fallback<First<S>> {
    /// Begins with the first tier.
    pub fn first(name: impl Into<Arc<str>>, service: S) -> Self {
        Self(First::new(name.into(), service))
    }

    /// Sets how many tokens fit into the first tier's window: see [`Tier::window`].
    #[must_use]
    pub fn window(self, tokens: u64) -> Self {
        Self(self.0.window(tokens))
    }
}

impl<C> Fallback<C> {
    /// Adds a tier below.
    #[must_use]
    pub fn then<S, M>(self, tier: Tier<S, M>) -> Fallback<Then<C, S, M>> {
        Fallback(Then::new(self.0, tier))
    }

    /// Adds a tier below that is begun too when those above have not answered for a while; the first good answer wins.
    #[must_use]
    pub fn hedged<S, M>(self, tier: Tier<S, M>, hedge: Hedge) -> Fallback<Hedged<C, S, M>> {
        Fallback(Hedged::new(self.0, tier, hedge))
    }
}

impl<C: Service<Request>, Request> Service<Request> for Fallback<C> {
    type Response = C::Response;
    type Error = C::Error;
    type Future = C::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), C::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> C::Future {
        self.0.call(request)
    }
}
