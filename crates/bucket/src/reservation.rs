use std::time::Duration;

use crate::{
    Limit, Limited, Patience, Reason, ServerLimits,
    held::{Place, Refused},
    owner::Owner,
    queue::Queue,
};

/// What a call holds of its limits: a place in flight, the tokens that it is expected to need, one request.
///
/// It settles exactly once, at the latest when it is dropped: what was reserved is what was used plus what is given back;
/// what was used beyond it is charged (up to a debt that takes an hour, or as long as the bucket takes to fill, to pay back: whatever
/// a server says was used locks nobody out for longer). The place in flight is given back then; the request stays counted. So let it live as
/// long as the call: [`meter`](crate::RateLimitLayer::meter) tells how it travels with a stream.
///
/// Dropped without a word on what was used, the estimate stands: a call that was dropped half-way may well be billed.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use mainstay_bucket::Limits;
///
/// let limits = Arc::new(Limits::default().tokens_per_minute(10_000)?);
/// let mut reservation = limits.try_reserve(4_000).expect("there is enough");
///
/// // A stream counts as it goes.
/// for delta in [3, 5, 4] {
///     reservation.count(delta);
/// }
/// drop(reservation);
/// assert_eq!(limits.tokens_available(), Some(9_988));
/// # Ok::<_, mainstay_bucket::InvalidLimit>(())
/// ```
#[derive(Debug)]
#[must_use = "dropped, it settles at once"]
pub struct Reservation {
    /// None for a limiter that does not settle.
    limits: Option<Owner>,
    tokens: u64,
    used: Option<u64>,
    taken: Taken,
}

/// How far the taking of limits has come, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Taken {
    Nothing,
    InFlight,
    Tokens,
    All,
    /// Nothing is left to settle.
    Settled,
}

// === impl Reservation ===

impl Reservation {
    /// A reservation for a limiter that does not settle: it holds nothing.
    pub const fn unsettled() -> Self {
        Self { limits: None, tokens: 0, used: None, taken: Taken::Settled }
    }

    /// Settles: so many tokens were used.
    pub fn settle(mut self, used: u64) {
        self.used = Some(used);
    }

    /// Counts tokens as used. When the reservation is dropped, it settles on what was counted.
    pub fn count(&mut self, tokens: u64) {
        self.used = Some(self.used.unwrap_or(0).saturating_add(tokens));
    }

    /// Sets the tokens used, instead of what was counted so far: the server's own figure, at a stream's end.
    pub fn used(&mut self, tokens: u64) {
        self.used = Some(tokens);
    }

    /// Gives back everything, the request too: nothing was sent.
    pub fn cancel(mut self) {
        self.give_back();
    }

    /// The tokens reserved.
    pub const fn reserved(&self) -> u64 {
        self.tokens
    }

    /// Takes the server at its word, for the limits that this was taken from: see [`Limits::learn`](crate::Limits::learn).
    pub fn learn(&self, server: &ServerLimits) {
        if let Some(limits) = &self.limits {
            limits.learn(server);
        }
    }

    /// Makes no call for a while on the limits that this was taken from: see [`Limits::pause`](crate::Limits::pause).
    pub fn pause(&self, time: Duration) {
        if let Some(limits) = &self.limits {
            limits.pause(time);
        }
    }

    /// A reservation for which everything was taken.
    pub(crate) const fn complete(limits: Owner, tokens: u64) -> Self {
        Self { limits: Some(limits), tokens, used: None, taken: Taken::All }
    }

    pub(crate) const fn begin(limits: Owner, tokens: u64) -> Self {
        Self { limits: Some(limits), tokens, used: None, taken: Taken::Nothing }
    }

    /// One reservation of two, of the same call, for which everything was taken.
    #[cfg(feature = "redis")]
    pub(crate) fn joined(mut self, mut other: Self) -> Self {
        self.taken = Taken::Settled;
        let limits = [self.limits.take(), other.limits.take()];
        other.limits = match limits {
            [Some(own), Some(shared)] => Some(Owner::Both(Box::new([own, shared]))),
            [own, shared] => own.or(shared),
        };
        other
    }

    pub(crate) fn shared(&self) -> Option<Owner> {
        self.limits.clone()
    }

    /// The line for the next limit to take, and how much of it to take.
    pub(crate) fn queue(&self) -> Option<(Limit, u64, &dyn Queue)> {
        let (limit, amount) = self.next()?;
        Some((limit, amount, self.limits.as_ref()?.line(limit)?))
    }

    /// Tells before anything is waited for whether what is missing would take too long, as far as can be told.
    pub(crate) fn foresee(&self, longest: Duration) -> Result<(), Limited> {
        let too_large = |&(_, amount, queue): &(Limit, u64, &dyn Queue)| !queue.fits(amount);
        if let Some((limit, ..)) = self.missing().find(too_large) {
            return Err(Limited::new(limit, Reason::TooLarge));
        }
        match self.longest_wait() {
            Some((wait, limit)) if wait > longest => Err(self.wait_too_long(wait, limit)),
            _ => Ok(()),
        }
    }

    /// Takes the next limit, or a place in its line.
    pub(crate) fn take_or_join(&mut self, patience: Patience) -> Result<Option<Place>, Limited> {
        let Some((limit, amount, queue)) = self.queue() else { return Ok(None) };
        queue.take_or_join(amount, patience).map_err(|refused| match refused {
            Refused::TooLong(_) => self.too_long(limit),
            Refused::LineFull => {
                let wait = self.wait_after_all(limit).map(|(wait, _)| wait);
                Limited::line_full(limit, wait)
            }
        })
    }

    /// Gives back what was taken, since a limit would take too long.
    pub(crate) fn too_long(&mut self, limit: Limit) -> Limited {
        match self.wait_after_all(limit) {
            Some((wait, limit)) => self.wait_too_long(wait, limit),
            None => Limited::too_long(limit, None),
        }
    }

    fn wait_too_long(&self, wait: Duration, limit: Limit) -> Limited {
        let mut missing = self.missing().filter(|(missing, ..)| *missing == limit);
        let is_paused = missing.any(|(_, amount, queue)| queue.is_paused_for(amount));
        Limited::too_long(limit, Some(wait)).for_a_pause(is_paused)
    }

    /// Gives back what was taken, and tells how long the same call would wait then, and for which limit. It cannot be told
    /// where it is a call in flight that refuses.
    fn wait_after_all(&mut self, refusing: Limit) -> Option<(Duration, Limit)> {
        self.give_back();
        self.taken = Taken::Nothing;
        self.longest_wait().filter(|_| refusing != Limit::InFlight)
    }

    /// The longest wait for what is missing, and for which limit, as far as can be told.
    fn longest_wait(&self) -> Option<(Duration, Limit)> {
        self.missing().filter_map(|(limit, amount, queue)| Some((queue.wait_for(amount)?, limit))).max()
    }

    /// The limits that time refills and that are not taken yet.
    fn missing(&self) -> impl Iterator<Item = (Limit, u64, &dyn Queue)> {
        let all = [(Limit::Tokens, self.tokens, Taken::Tokens), (Limit::Requests, 1, Taken::All)];
        let missing = all.into_iter().filter(|(.., taken)| self.taken < *taken);
        missing.filter_map(|(limit, amount, _)| Some((limit, amount, self.limits.as_ref()?.line(limit)?)))
    }

    /// The next limit to take, and how much of it.
    const fn next(&self) -> Option<(Limit, u64)> {
        match self.taken {
            Taken::Nothing => Some((Limit::InFlight, 1)),
            Taken::InFlight => Some((Limit::Tokens, self.tokens)),
            Taken::Tokens => Some((Limit::Requests, 1)),
            Taken::All | Taken::Settled => None,
        }
    }

    /// Takes note that the next limit was taken.
    pub(crate) fn took_next(&mut self) {
        self.taken = match self.taken {
            Taken::Nothing => Taken::InFlight,
            Taken::InFlight => Taken::Tokens,
            Taken::Tokens => Taken::All,
            taken => taken,
        };
    }

    /// Takes all that is missing, up to the first that is not there; tells whether all were.
    #[inline]
    pub(crate) fn try_complete(&mut self) -> bool {
        while let Some((limit, amount)) = self.next() {
            if self.limits.as_ref().is_some_and(|limits| limits.try_take(limit, amount).is_err()) {
                return false;
            }
            self.took_next();
        }
        true
    }

    fn give_back(&mut self) {
        let taken = std::mem::replace(&mut self.taken, Taken::Settled);
        let (Some(limits), true) = (&self.limits, taken < Taken::Settled) else { return };
        if taken >= Taken::All {
            limits.give_back(Limit::Requests, 1);
        }
        if taken >= Taken::Tokens {
            limits.give_back(Limit::Tokens, self.tokens);
        }
        if taken >= Taken::InFlight {
            limits.give_back(Limit::InFlight, 1);
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        match (&self.limits, self.taken) {
            (Some(limits), Taken::All) => limits.end(self.tokens, self.used.unwrap_or(self.tokens)),
            (_, Taken::Settled) => {}
            _ => self.give_back(),
        }
    }
}
