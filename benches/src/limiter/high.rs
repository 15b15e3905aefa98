//! Limits that are never reached: a token a nanosecond, and as many at once as governor can count.

use std::{num::NonZeroU32, time::Duration};

use governor::{DefaultDirectRateLimiter, Quota};
use mainstay_bucket::{InvalidLimit, Rate, TokenBucket};

const PER_MILLISECOND: usize = 1_000_000;

pub(crate) const AT_ONCE: u32 = u32::MAX;

pub(crate) fn rate() -> Result<Rate, InvalidLimit> {
    Rate::new(PER_MILLISECOND as u64, Duration::from_millis(1))
}

pub(crate) fn bucket() -> TokenBucket {
    let rate = rate().expect("a token a nanosecond is a rate");
    TokenBucket::new(AT_ONCE.into(), rate).expect("it fills in four seconds")
}

/// Without places for threads, as each key of many has it.
pub(crate) fn compact() -> TokenBucket {
    let rate = rate().expect("a token a nanosecond is a rate");
    TokenBucket::compact(AT_ONCE.into(), rate).expect("it fills in four seconds")
}

pub(crate) fn quota() -> Quota {
    let quota = Quota::with_period(Duration::from_nanos(1)).expect("a nanosecond is not zero");
    quota.allow_burst(NonZeroU32::MAX)
}

pub(crate) fn governor() -> DefaultDirectRateLimiter {
    DefaultDirectRateLimiter::direct(quota())
}

pub(crate) fn leaky_bucket() -> leaky_bucket::RateLimiter {
    let at_once = AT_ONCE as usize;
    leaky_bucket::RateLimiter::builder()
        .initial(at_once)
        .max(at_once)
        .refill(PER_MILLISECOND)
        .interval(Duration::from_millis(1))
        .build()
}
