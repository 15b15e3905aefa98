//! One limit for all: by one thread, by several at once, and by futures that need not wait.
//!
//! Each sample begins with a full bucket: taking a hundred tokens at a time is faster than any of these refills.

use std::{hint::black_box, num::NonZeroU32, task::Poll};

use super::high::{bucket, compact, governor, leaky_bucket};
use crate::{
    Measure,
    once::poll,
    rows::{
        ACQUIRE, BUCKET, COMPACT, GOVERNOR, GOVERNOR_N, LEAKY_BUCKET, TRY_FOUR, TRY_MANY, TRY_ONE, TRY_TWO,
    },
};

const ONE: NonZeroU32 = NonZeroU32::MIN;
const MANY: NonZeroU32 = NonZeroU32::new(100).expect("not zero");

pub(super) fn measure(measure: &mut impl Measure) {
    one(measure);
    for (work, threads, tokens) in [(TRY_MANY, 1, MANY), (TRY_TWO, 2, ONE), (TRY_FOUR, 4, ONE)] {
        several(measure, work, threads, tokens);
    }
    acquire(measure);
}

/// The smallest taking, by each way that there is.
fn one(measure: &mut impl Measure) {
    several(measure, TRY_ONE, 1, ONE);

    measure.shared(TRY_ONE, COMPACT, 1, compact, |bucket| assert!(bucket.try_acquire(black_box(1)).is_ok()));

    measure.shared(TRY_ONE, GOVERNOR, 1, governor, |limiter| assert!(limiter.check().is_ok()));
}

fn several(measure: &mut impl Measure, work: &str, threads: u32, tokens: NonZeroU32) {
    let n = u64::from(tokens.get());
    measure.shared(work, BUCKET, threads, bucket, |bucket| assert!(bucket.try_acquire(black_box(n)).is_ok()));

    measure.shared(work, GOVERNOR_N, threads, governor, |limiter| {
        assert!(matches!(limiter.check_n(black_box(tokens)), Ok(Ok(()))));
    });

    let n = tokens.get() as usize;
    measure.shared(work, LEAKY_BUCKET, threads, leaky_bucket, |limiter| {
        assert!(limiter.try_acquire(black_box(n)));
    });
}

fn acquire(measure: &mut impl Measure) {
    measure.shared(ACQUIRE, BUCKET, 1, bucket, |bucket| {
        assert!(matches!(poll(bucket.acquire(black_box(1))), Poll::Ready(Ok(_))));
    });

    measure.shared(ACQUIRE, GOVERNOR, 1, governor, |limiter| assert!(poll(limiter.until_ready()).is_ready()));

    measure.shared(ACQUIRE, LEAKY_BUCKET, 1, leaky_bucket, |limiter| {
        assert!(poll(limiter.acquire_one()).is_ready());
    });
}
