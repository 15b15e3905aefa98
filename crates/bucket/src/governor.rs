//! Limiters of the crate `governor` in the layer.

use std::{
    fmt,
    future::Future,
    num::NonZeroU32,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use governor::{
    InsufficientCapacity, NotUntil, RateLimiter,
    clock::{Clock, Reference},
    middleware::{NoOpMiddleware, RateLimitingMiddleware},
    state::{DirectStateStore, NotKeyed, StateStore, keyed::KeyedStateStore},
};
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep};

use crate::{Limit, Limited, Limiter, Patience, Reason, Reservation};

type Plain<C> = NoOpMiddleware<<C as Clock>::Instant>;

/// A direct limiter of the crate `governor` in a [`RateLimitLayer`](crate::RateLimitLayer).
///
/// A call takes as many cells as it weighs, and one if it weighs nothing. Of a limiter with a middleware, what it says of a
/// call that passes is dropped. Choose it where a limiter of that crate is there
/// already, and shared with code that is no service. It lacks what makes this crate's own limits: calls do not stand in
/// line, so that a large one may starve and the length of the queue is not bounded; nothing is given back or charged
/// after the call; and the server's word changes nothing. Its clock is its own: a paused one of tokio's does not drive it.
///
/// # Examples
///
/// ```
/// use std::num::NonZeroU32;
/// use governor::{Quota, RateLimiter, clock::FakeRelativeClock};
/// use mainstay_bucket::{RateLimitLayer, governor::Governed};
///
/// let quota = Quota::per_minute(NonZeroU32::new(600).ok_or("not zero")?);
/// let limiter = RateLimiter::direct_with_clock(quota, FakeRelativeClock::default());
/// let layer = RateLimitLayer::with_limiter(Governed::new(limiter));
/// # let _ = layer;
/// # Ok::<_, &str>(())
/// ```
pub struct Governed<S, C, MW = Plain<C>>
where
    S: StateStore<Key = NotKeyed>,
    C: Clock,
    MW: RateLimitingMiddleware<C::Instant>,
{
    limiter: Arc<RateLimiter<NotKeyed, S, C, MW>>,
}

/// A keyed limiter of the crate `governor` in a [`RateLimitLayer`](crate::RateLimitLayer): see [`Governed`].
pub struct GovernedByKey<K, S, C, F, MW = Plain<C>>
where
    S: StateStore<Key = K>,
    C: Clock,
    MW: RateLimitingMiddleware<C::Instant>,
{
    limiter: Arc<RateLimiter<K, S, C, MW>>,
    key: F,
}

/// Why a limiter gave no cells.
enum Denied {
    NotBefore(Duration),
    TooMany,
}

pin_project! {
    /// Asks a limiter again when it says that there will be cells.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it has taken nothing.
    #[must_use = "futures do nothing unless polled"]
    pub struct GovernedReserve {
        ask: Box<dyn Fn() -> Result<(), Denied> + Send>,
        patience: Duration,
        since: Instant,
        #[pin]
        sleep: Option<Sleep>,
    }
}

// === impl Governed ===

impl<S, C, MW> Governed<S, C, MW>
where
    S: DirectStateStore,
    C: Clock,
    MW: RateLimitingMiddleware<C::Instant>,
{
    /// Puts a limiter in the place of this crate's own.
    pub fn new(limiter: impl Into<Arc<RateLimiter<NotKeyed, S, C, MW>>>) -> Self {
        Self { limiter: limiter.into() }
    }
}

impl<S, C, MW, Request> Limiter<Request> for Governed<S, C, MW>
where
    S: DirectStateStore + Send + Sync + 'static,
    C: Clock + Send + Sync + 'static,
    C::Instant: Send + Sync,
    MW: RateLimitingMiddleware<C::Instant, NegativeOutcome = NotUntil<C::Instant>> + Send + Sync + 'static,
{
    type Reserve = GovernedReserve;

    fn try_reserve(&self, _: &Request, tokens: u64) -> Option<Reservation> {
        let outcome = self.limiter.check_n(cells(tokens)?);
        matches!(outcome, Ok(Ok(_))).then(Reservation::unsettled)
    }

    fn reserve(&self, _: &Request, tokens: u64, patience: Patience) -> GovernedReserve {
        let limiter = Arc::clone(&self.limiter);
        let ask = move || denied(limiter.clock(), limiter.check_n(cells(tokens).ok_or(Denied::TooMany)?));
        GovernedReserve::new(Box::new(ask), patience)
    }
}

impl<S, C, MW> Clone for Governed<S, C, MW>
where
    S: StateStore<Key = NotKeyed>,
    C: Clock,
    MW: RateLimitingMiddleware<C::Instant>,
{
    fn clone(&self) -> Self {
        Self { limiter: Arc::clone(&self.limiter) }
    }
}

impl<S, C, MW> fmt::Debug for Governed<S, C, MW>
where
    S: StateStore<Key = NotKeyed>,
    C: Clock,
    MW: RateLimitingMiddleware<C::Instant>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Governed").finish_non_exhaustive()
    }
}

// === impl GovernedByKey ===

impl<K, S, C, F, MW> GovernedByKey<K, S, C, F, MW>
where
    S: StateStore<Key = K>,
    C: Clock,
    MW: RateLimitingMiddleware<C::Instant>,
{
    /// Puts a limiter in the place of this crate's own, asked for each request's key.
    pub fn new<Request>(limiter: impl Into<Arc<RateLimiter<K, S, C, MW>>>, key: F) -> Self
    where
        F: Fn(&Request) -> K,
    {
        Self { limiter: limiter.into(), key }
    }
}

impl<K, S, C, F, MW, Request> Limiter<Request> for GovernedByKey<K, S, C, F, MW>
where
    K: std::hash::Hash + Send + Sync + 'static,
    S: KeyedStateStore<K> + Send + Sync + 'static,
    C: Clock + Send + Sync + 'static,
    C::Instant: Send + Sync,
    F: Fn(&Request) -> K,
    MW: RateLimitingMiddleware<C::Instant, NegativeOutcome = NotUntil<C::Instant>> + Send + Sync + 'static,
{
    type Reserve = GovernedReserve;

    fn try_reserve(&self, request: &Request, tokens: u64) -> Option<Reservation> {
        let outcome = self.limiter.check_key_n(&(self.key)(request), cells(tokens)?);
        matches!(outcome, Ok(Ok(_))).then(Reservation::unsettled)
    }

    fn reserve(&self, request: &Request, tokens: u64, patience: Patience) -> GovernedReserve {
        let (limiter, key) = (Arc::clone(&self.limiter), (self.key)(request));
        let ask =
            move || denied(limiter.clock(), limiter.check_key_n(&key, cells(tokens).ok_or(Denied::TooMany)?));
        GovernedReserve::new(Box::new(ask), patience)
    }
}

impl<K, S, C, F, MW> Clone for GovernedByKey<K, S, C, F, MW>
where
    S: StateStore<Key = K>,
    C: Clock,
    F: Clone,
    MW: RateLimitingMiddleware<C::Instant>,
{
    fn clone(&self) -> Self {
        Self { limiter: Arc::clone(&self.limiter), key: self.key.clone() }
    }
}

impl<K, S, C, F, MW> fmt::Debug for GovernedByKey<K, S, C, F, MW>
where
    S: StateStore<Key = K>,
    C: Clock,
    MW: RateLimitingMiddleware<C::Instant>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GovernedByKey").finish_non_exhaustive()
    }
}

/// As many cells as tokens, and one for none; a limiter has no more than 32 bits of them.
fn cells(tokens: u64) -> Option<NonZeroU32> {
    NonZeroU32::new(u32::try_from(tokens.max(1)).ok()?)
}

fn denied<C: Clock, Passed>(
    clock: &C,
    outcome: Result<Result<Passed, NotUntil<C::Instant>>, InsufficientCapacity>,
) -> Result<(), Denied>
where
    C::Instant: Reference,
{
    let outcome = outcome.map_err(|_| Denied::TooMany)?;
    let passed = outcome.map_err(|not_until| Denied::NotBefore(not_until.wait_time_from(clock.now())));
    passed.map(drop)
}

// === impl GovernedReserve ===

impl GovernedReserve {
    fn new(ask: Box<dyn Fn() -> Result<(), Denied> + Send>, patience: Patience) -> Self {
        Self { ask, patience: patience.wait, since: Instant::now(), sleep: None }
    }
}

impl Future for GovernedReserve {
    type Output = Result<Reservation, Limited>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            if let Some(sleep) = this.sleep.as_mut().as_pin_mut() {
                ready!(sleep.poll(cx));
            }
            let limit = Limit::Requests;
            match (this.ask)() {
                Ok(()) => return Poll::Ready(Ok(Reservation::unsettled())),
                Err(Denied::TooMany) => return Poll::Ready(Err(Limited::new(limit, Reason::TooLarge))),
                Err(Denied::NotBefore(wait))
                    if this.since.elapsed().saturating_add(wait) > *this.patience =>
                {
                    return Poll::Ready(Err(Limited::too_long(limit, Some(wait))));
                }
                Err(Denied::NotBefore(wait)) => this.sleep.set(Some(sleep(wait))),
            }
        }
    }
}

impl fmt::Debug for GovernedReserve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GovernedReserve").finish_non_exhaustive()
    }
}
