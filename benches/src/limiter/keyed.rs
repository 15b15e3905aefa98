//! A limit for each key, where all keys are known already.
//!
//! Keys are looked up in another order than that in which they were put in, each as often as any other.

use std::{hint::black_box, sync::LazyLock};

use anyhow::Result;
use governor::DefaultKeyedRateLimiter;
use mainstay_bucket::KeyedBuckets;

use super::high::{AT_ONCE, quota, rate};
use crate::{
    Measure, is_trial,
    rows::{BUCKET, GOVERNOR, KEYED, KEYED_MILLION},
};

/// Keys in the order in which they are looked up.
static THOUSAND: LazyLock<Vec<String>> = LazyLock::new(|| scattered(1_000));
static MILLION: LazyLock<Vec<String>> =
    LazyLock::new(|| scattered(if is_trial() { 1_000 } else { 1_000_000 }));

pub(super) fn measure(measure: &mut impl Measure) -> Result<()> {
    for (work, keys) in [(KEYED, &THOUSAND), (KEYED_MILLION, &MILLION)] {
        let buckets: KeyedBuckets<String> = KeyedBuckets::new(AT_ONCE.into(), rate()?)?;
        (0..keys.len()).try_for_each(|number| buckets.try_acquire(name(number).as_str(), 1))?;
        let mut next = keys.iter().cycle();
        measure.unit(work, BUCKET, || {
            let key = next.next().map(String::as_str);
            assert!(key.is_some_and(|key| buckets.try_acquire(black_box(key), 1).is_ok()));
        });
        drop(buckets);

        let limiter = DefaultKeyedRateLimiter::dashmap(quota());
        assert!((0..keys.len()).all(|number| limiter.check_key(&name(number)).is_ok()));
        let mut next = keys.iter().cycle();
        measure.unit(work, GOVERNOR, || {
            assert!(next.next().is_some_and(|key| limiter.check_key(black_box(key)).is_ok()));
        });
    }
    Ok(())
}

fn scattered(keys: usize) -> Vec<String> {
    // A prime that divides none of these numbers: all keys come, each once.
    (0..keys).map(|at| name(at * 7_919 % keys)).collect()
}

fn name(number: usize) -> String {
    format!("tenant-{number:06}")
}
