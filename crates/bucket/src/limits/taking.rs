//! How a call takes its limits, and how each gets back what it did not need.

use std::cmp::Ordering::{Equal, Greater, Less};

#[cfg(feature = "redis")]
use crate::TokenBucket;
use crate::{Limit, Limits, TryAcquireError, queue::Queue};

impl Limits {
    /// Takes all or none, without waiting.
    ///
    /// In the order of `Reservation::next`, which knows it too: written out here, since a reservation that takes step by
    /// step costs every call that does not wait an eighth more.
    #[inline]
    pub(super) fn take_all(&self, tokens: u64) -> bool {
        if self.in_flight.as_ref().is_some_and(|in_flight| in_flight.core().try_take(1).is_err()) {
            return false;
        }
        if self.tokens.as_ref().is_some_and(|bucket| bucket.try_acquire(tokens).is_err()) {
            self.give_back(Limit::InFlight, 1);
            return false;
        }
        if self.requests.as_ref().is_some_and(|bucket| bucket.try_acquire(1).is_err()) {
            self.give_back(Limit::Tokens, tokens);
            self.give_back(Limit::InFlight, 1);
            return false;
        }
        true
    }

    pub(crate) fn try_take(&self, limit: Limit, amount: u64) -> Result<(), TryAcquireError> {
        match limit {
            Limit::InFlight => {
                self.in_flight.as_ref().map_or(Ok(()), |in_flight| in_flight.core().try_take(amount))
            }
            Limit::Tokens => self.tokens.as_ref().map_or(Ok(()), |bucket| bucket.try_acquire(amount)),
            Limit::Requests => self.requests.as_ref().map_or(Ok(()), |bucket| bucket.try_acquire(amount)),
            Limit::Keys => Ok(()),
        }
    }

    pub(crate) fn give_back(&self, limit: Limit, amount: u64) {
        let bucket = match limit {
            Limit::InFlight => {
                return self.in_flight.iter().for_each(|in_flight| in_flight.core().refund(amount));
            }
            Limit::Tokens => &self.tokens,
            Limit::Requests => &self.requests,
            Limit::Keys => &None,
        };
        if let Some(bucket) = bucket {
            bucket.refund(amount);
        }
    }

    /// Settles a call that has ended: what was reserved and not used is given back, what was used beyond it charged, as far as that
    /// can be true.
    #[inline]
    pub(crate) fn end(&self, reserved: u64, used: u64) {
        if let Some(bucket) = &self.tokens {
            match used.cmp(&reserved) {
                Less => bucket.refund(reserved - used),
                Equal => {}
                Greater => bucket.core().charge_used(used - reserved),
            }
        }
        if let Some(in_flight) = &self.in_flight {
            in_flight.core().refund(1);
        }
    }

    /// The most calls in flight, the tokens and the requests, as far as they are limited.
    #[cfg(feature = "redis")]
    pub(crate) fn parts(&self) -> (Option<u64>, Option<&TokenBucket>, Option<&TokenBucket>) {
        let in_flight = self.in_flight.as_ref().map(|in_flight| in_flight.core().capacity());
        (in_flight, self.tokens.as_ref(), self.requests.as_ref())
    }

    /// How many tokens and requests are missing.
    #[cfg(feature = "redis")]
    pub(crate) fn gone(&self) -> [u64; 2] {
        [&self.tokens, &self.requests].map(|bucket| {
            bucket.as_ref().map_or(0, |bucket| {
                bucket.capacity().saturating_add_signed(bucket.available().saturating_neg())
            })
        })
    }

    /// Takes what a call took elsewhere, as far as it is there; tells how many tokens and requests that were.
    #[cfg(feature = "redis")]
    pub(crate) fn drain(&self, tokens: u64, requests: u64) -> [u64; 2] {
        let drain = |bucket: &Option<TokenBucket>, amount: u64| match bucket {
            Some(bucket) if amount > 0 => bucket.core().locked(|held| held.drain(amount)),
            _ => 0,
        };
        [drain(&self.tokens, tokens), drain(&self.requests, requests)]
    }

    /// The line for a limit.
    pub(crate) fn line(&self, limit: Limit) -> Option<&dyn Queue> {
        match limit {
            Limit::InFlight => self.in_flight.as_ref().map(|in_flight| in_flight.core() as _),
            Limit::Tokens => self.tokens.as_ref().map(|bucket| bucket.core() as _),
            Limit::Requests => self.requests.as_ref().map(|bucket| bucket.core() as _),
            Limit::Keys => None,
        }
    }
}
