//! What holds for all settings.

use std::time::Duration;

use mainstay_backoff::{Backoff, Decorrelated, Exponential, Jitter, Proportional, RetryPolicy};
use mainstay_fault::{Fault, FaultKind};
use proptest::prelude::*;
use tokio::runtime::Runtime;

use crate::drive::{Ended, busy, call, fault};

fn any_duration() -> impl Strategy<Value = Duration> {
    prop_oneof![
        Just(Duration::ZERO),
        Just(Duration::MAX),
        (0u64..100_000).prop_map(Duration::from_millis),
        any::<u64>().prop_map(Duration::from_nanos),
        any::<u64>().prop_map(Duration::from_secs),
    ]
}

fn any_factor() -> impl Strategy<Value = f64> {
    prop_oneof![Just(1.0), Just(2.0), 1.0..10.0, Just(f64::MAX)]
}

fn any_jitter() -> impl Strategy<Value = Jitter> {
    prop_oneof![
        Just(Jitter::None),
        Just(Jitter::Full),
        Just(Jitter::Equal),
        Just(Jitter::Decorrelated),
        (0.0..1.0, 1.0..3.0).prop_map(|(low, high)| Proportional::new(low, high).unwrap().into()),
    ]
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

/// The waits of a call that fails throughout.
fn waits(ended: &Ended) -> Vec<Duration> {
    ended.times.windows(2).map(|pair| pair[1].checked_sub(pair[0]).unwrap()).collect()
}

proptest! {
    #[test]
    fn exponential_delays_rise_from_the_base_to_the_cap(base in any_duration(), factor in any_factor(), more in any_duration()) {
        let cap = base.saturating_add(more);
        let delays: Vec<_> = Exponential::new(base, factor, cap).unwrap().delays().take(1_000).collect();
        prop_assert_eq!(delays.len(), 1_000);
        prop_assert_eq!(delays[0], base);
        prop_assert!(delays.windows(2).all(|pair| pair[0] <= pair[1]));
        prop_assert!(delays.iter().all(|delay| *delay <= cap));
    }

    #[test]
    fn decorrelated_delays_are_between_base_and_cap(base in any_duration(), more in any_duration(), seed: u64) {
        let cap = base.saturating_add(more);
        let backoff = Decorrelated::new(base, cap).unwrap().seed(seed);
        let delays: Vec<_> = backoff.delays().take(1_000).collect();
        prop_assert!(delays.iter().all(|delay| (base..=cap).contains(delay)));
        prop_assert!(delays.windows(2).all(|pair| pair[1] <= pair[0].saturating_mul(3).max(base)));
        prop_assert_eq!(delays, backoff.delays().take(1_000).collect::<Vec<_>>());
    }

    #[test]
    fn every_wait_is_in_the_interval_that_its_jitter_documents(
        base in 0u64..5_000, jitter in any_jitter(), cap in 1u64..20_000, seed: u64,
    ) {
        let (base, cap) = (Duration::from_millis(base), Duration::from_millis(cap));
        let backoff = Exponential::new(base, 2.0, Duration::from_secs(100)).unwrap();
        let policy = RetryPolicy::default().retries(8).backoff(backoff).jitter(jitter).cap(cap).without_budget().seed(seed);
        let ended = runtime().block_on(call(policy, vec![fault(FaultKind::Overloaded); 99]));
        prop_assert_eq!(ended.attempts, 9);
        // Tokio's timers have a resolution of a millisecond, and never fire early.
        let tick = Duration::from_millis(1);
        let (mut last, first) = (base.min(cap), base.min(cap));
        for (wait, delay) in waits(&ended).into_iter().zip(backoff.delays()) {
            let delay = delay.min(cap);
            let (low, high) = match jitter {
                Jitter::None => (delay, delay),
                Jitter::Full => (Duration::ZERO, delay),
                Jitter::Equal => (delay / 2, delay),
                Jitter::Decorrelated => (first, (last * 3).max(first)),
                _ => (Duration::ZERO, delay * 3),
            };
            prop_assert!(wait >= low.min(cap), "{:?} < {:?}", wait, low);
            prop_assert!(wait <= high.min(cap) + tick, "{:?} > {:?}", wait, high);
            prop_assert!(wait <= cap + tick);
            last = wait;
        }
    }

    #[test]
    fn the_sum_of_waits_never_crosses_the_deadline(
        deadline in 0u64..30_000, retries in 0u32..20, jitter in any_jitter(),
        after in prop::collection::vec(prop::option::of(0.0..20.0), 20), seed: u64,
    ) {
        let deadline = Duration::from_millis(deadline);
        let policy = RetryPolicy::default().retries(retries).jitter(jitter).deadline(deadline).without_budget().seed(seed);
        let faults: Vec<Fault> = after.iter().map(|after| after.map_or(fault(FaultKind::Timeout), busy)).collect();
        let ended = runtime().block_on(call(policy, faults.clone()));
        prop_assert!(ended.took <= deadline, "{:?} > {:?}", ended.took, deadline);
        prop_assert!(ended.attempts <= retries as usize + 1);
        for (wait, fault) in waits(&ended).iter().zip(&faults) {
            prop_assert!(*wait >= fault.retry_after.unwrap_or_default(), "Retry-After is a floor");
        }
        prop_assert_eq!(Some(&ended.took), ended.times.last(), "nobody waits after the last attempt");
    }

    #[test]
    fn any_settings_and_any_faults_end_without_panic(
        base in any_duration(), factor in any_factor(), cap in any_duration(), max_wait in any_duration(),
        deadline in any_duration(), after in any_duration(), jitter in any_jitter(),
    ) {
        let backoff = Exponential::new(base, factor, Duration::MAX).unwrap();
        let policy = RetryPolicy::default().backoff(backoff).jitter(jitter).cap(cap).max_wait(max_wait).deadline(deadline);
        let busy = Fault::new(FaultKind::RateLimited).with_retry_after(after);
        // A wait of centuries is begun and not finished: the call is dropped in it.
        let call = async { tokio::time::timeout(Duration::from_secs(1), call(policy, vec![busy; 9])).await };
        let _ = runtime().block_on(call);
    }
}

#[test]
fn waits_at_the_cap_are_still_spread() {
    let mut waited = Vec::new();
    for seed in 0..200 {
        let minute = Duration::from_secs(60);
        let policy = RetryPolicy::default().backoff([minute]).seed(seed);
        waited.push(runtime().block_on(call(policy, vec![fault(FaultKind::Overloaded)])).took);
    }
    let at_cap = waited.iter().filter(|wait| **wait >= Duration::from_millis(59_990)).count();
    assert!(at_cap < 5, "{at_cap} of 200 wait for the whole cap");
    assert!(waited.iter().all(|wait| *wait >= Duration::from_secs(30)));
}
