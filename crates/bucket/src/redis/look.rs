//! What others may know of shared limits without asking the server.

use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use tokio::time::Instant;

use super::{RedisLimits, shared::Shared};
use crate::{Limit, Limits};

// === impl RedisLimits ===

impl RedisLimits {
    /// How long a call that needs so many tokens would wait now, by what the server said last; `None` where that cannot be told: all
    /// that may be under way are, or the call needs more than there ever is.
    ///
    /// While the server is away, it is how long the local share would have it wait; without one, or where that never holds so many,
    /// until the server is asked again.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use mainstay_bucket::redis::SharedLimits;
    ///
    /// let limits = SharedLimits::new("gpt-4o").tokens_per_minute(90_000)?.connect("redis://127.0.0.1/")?;
    /// // Nothing was said yet, so all is there.
    /// assert_eq!(limits.wait_for(90_000), Some(Duration::ZERO));
    /// assert_eq!(limits.wait_for(90_001), None);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_for(&self, tokens: u64) -> Option<Duration> {
        let own = self.shared.settings.own.as_ref().map_or(Some(Duration::ZERO), |own| own.wait_for(tokens));
        Some(own?.max(self.shared.wait_for(tokens)?))
    }

    /// Returns the tokens that are there, if they are limited, by what the server said last; what is owed is negative.
    ///
    /// As long as it has said nothing, all are; while it is away, those of the local share, if there is one.
    pub fn tokens_available(&self) -> Option<i64> {
        let shared = match self.shared.local_now() {
            Some(local) => local.tokens_available(),
            None => {
                self.shared.settings.tokens.map(|quota| quota.available(self.shared.seen.now().full_in[0]))
            }
        };
        self.and_own(shared, Limits::tokens_available)
    }

    /// Returns the requests that are there, as [`tokens_available`](Self::tokens_available) does.
    pub fn requests_available(&self) -> Option<i64> {
        let shared = match self.shared.local_now() {
            Some(local) => local.requests_available(),
            None => {
                self.shared.settings.requests.map(|quota| quota.available(self.shared.seen.now().full_in[1]))
            }
        };
        self.and_own(shared, Limits::requests_available)
    }

    /// Returns the calls that may be begun, if those under way are limited: all of them where the server did not say within a second.
    pub fn in_flight_available(&self) -> Option<i64> {
        let shared = match self.shared.local_now() {
            Some(local) => local.in_flight_available(),
            None => Some(self.shared.settings.in_flight).filter(|most| *most > 0).map(|most| {
                let calls = i64::try_from(self.shared.seen.now().calls.unwrap_or(0)).unwrap_or(i64::MAX);
                i64::from(most).saturating_sub(calls)
            }),
        };
        self.and_own(shared, Limits::in_flight_available)
    }

    /// Returns how many calls of this process wait for one of them.
    pub fn waiting(&self) -> usize {
        let alone = [&self.shared.local, &self.shared.settings.own].into_iter().flatten();
        alone.fold(self.shared.waiting.load(Relaxed), |sum, limits| sum.saturating_add(limits.waiting()))
    }

    /// The lesser of what is there of the shared limits and of those of this process besides, as far as there are any.
    fn and_own(&self, shared: Option<i64>, look: impl Fn(&Limits) -> Option<i64>) -> Option<i64> {
        let own = self.shared.settings.own.as_deref().and_then(look);
        [shared, own].into_iter().flatten().min()
    }
}

// === impl Shared ===

impl Shared {
    /// The limits that count now, if those are this process's alone.
    fn local_now(&self) -> Option<&Limits> {
        self.local.as_deref().filter(|_| self.redis.is_away())
    }

    pub(super) fn wait_for(&self, tokens: u64) -> Option<Duration> {
        if self.settings.tokens.is_some_and(|quota| tokens > quota.capacity) {
            return None;
        }
        let fits = |local: &Limits| local.line(Limit::Tokens).is_none_or(|line| line.fits(tokens));
        match (self.redis.is_away(), &self.local) {
            (true, Some(local)) if fits(local) => return local.wait_for(tokens),
            (true, _) => return Some(self.redis.asked_again_after()),
            (false, _) => {}
        }
        self.foresee(tokens).map(|(wait, ..)| wait)
    }

    /// How long a call would wait by what the server said last, for what, and whether that is a pause; `None` where that cannot be told.
    pub(super) fn foresee(&self, tokens: u64) -> Option<(Duration, Limit, bool)> {
        let look = self.seen.now();
        let most = u64::from(self.settings.in_flight);
        if most > 0 && look.calls.is_some_and(|calls| calls >= most) {
            return None;
        }
        let paused = self.paused_until().map_or(Duration::ZERO, |until| until - Instant::now());
        let paused = paused.max(look.paused_for);
        let mut worst = (paused, Limit::Requests);
        let waiting = self.waiting.load(Relaxed) as u64;
        if waiting == 0 && paused.is_zero() && self.stock.holds(tokens, self.limited()) {
            return Some((paused, Limit::Requests, false));
        }
        let [tokens_full_in, requests_full_in] = look.full_in;
        let limits = [
            (Limit::Tokens, self.settings.tokens, tokens, self.wanted.load(Relaxed), tokens_full_in),
            (Limit::Requests, self.settings.requests, 1, waiting, requests_full_in),
        ];
        for (limit, quota, amount, ahead, full_in) in limits {
            let Some(quota) = quota else { continue };
            worst = worst.max((quota.wait_for(amount, ahead, full_in)?, limit));
        }
        let (wait, limit) = worst;
        Some((wait, limit, wait == paused && !paused.is_zero()))
    }
}
