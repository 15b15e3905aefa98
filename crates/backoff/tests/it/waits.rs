//! When is it tried again, and after what wait.

use std::time::Duration;

use mainstay_backoff::{Constant, Exponential, Jitter, RetryBudget, RetryPolicy};
use mainstay_fault::{BackendId, Fault, FaultKind};

use crate::drive::{Ended, busy, call, call_in_tower, call_plain, fault, secs};

fn exact() -> RetryPolicy {
    RetryPolicy::default().jitter(Jitter::None)
}

/// The same through all three drivers, which must agree to the nanosecond.
async fn agreed(policy: impl Fn() -> RetryPolicy, faults: Vec<Fault>) -> Ended {
    let ended = call(policy(), faults.clone()).await;
    assert_eq!(call_in_tower(policy(), faults.clone()).await, ended, "tower's own layer");
    assert_eq!(call_plain(policy(), faults).await, ended, "plain futures");
    ended
}

#[tokio::test(start_paused = true)]
async fn success_at_once_is_one_attempt() {
    let ended = agreed(exact, vec![]).await;
    assert_eq!((ended.outcome, ended.attempts, ended.took), (Ok(7), 1, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn the_defaults_wait_one_two_and_four_seconds() {
    let ended = agreed(exact, vec![fault(FaultKind::Overloaded); 3]).await;
    assert_eq!(ended.times, [secs(0), secs(1), secs(3), secs(7)]);
    assert_eq!(ended.outcome, Ok(7));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_after_the_last_attempt() {
    let ended = agreed(exact, vec![fault(FaultKind::Overloaded); 9]).await;
    assert_eq!((ended.attempts, ended.took), (4, secs(7)));
    assert_eq!(ended.outcome, Err(fault(FaultKind::Overloaded)));
}

#[tokio::test(start_paused = true)]
async fn what_another_attempt_would_not_mend_ends_at_once() {
    for kind in FaultKind::ALL {
        let retried = mainstay_fault::retryable(&fault(kind));
        let ended = agreed(exact, vec![fault(kind)]).await;
        assert_eq!(ended.attempts, if retried { 2 } else { 1 }, "{kind}");
        assert_eq!(ended.outcome.is_ok(), retried, "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_servers_word_on_retries_comes_first() {
    let no = fault(FaultKind::Unavailable).with_should_retry(false);
    assert_eq!(agreed(exact, vec![no]).await.attempts, 1);
    let yes = fault(FaultKind::InvalidRequest).with_should_retry(true);
    assert_eq!(agreed(exact, vec![yes]).await.attempts, 2);
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_a_floor_with_a_little_on_top() {
    for (after, most) in [(2.0, 2.2), (10.0, 11.0), (30.0, 31.0), (60.0, 61.0)] {
        let ended = agreed(|| exact().seed(1), vec![busy(after)]).await;
        let waited = ended.took.as_secs_f64();
        assert!(waited >= after && waited <= most, "Retry-After {after}: waited {waited}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_backoff_counts_where_it_is_longer_than_retry_after() {
    for after in [0.0, 0.2] {
        assert_eq!(agreed(exact, vec![busy(after)]).await.took, secs(1), "Retry-After {after}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_beyond_the_longest_wait_ends_the_call_at_once() {
    for after in [60.001, 90.0, 86_400.0, 31_536_000.0] {
        let ended = agreed(exact, vec![busy(after)]).await;
        assert_eq!((ended.attempts, ended.took), (1, Duration::ZERO), "Retry-After {after}");
        assert_eq!(ended.outcome, Err(busy(after)), "the original error, with its Retry-After");
    }
    let patient = agreed(|| exact().max_wait(secs(100)).seed(1), vec![busy(90.0)]).await;
    assert!(patient.outcome.is_ok());
}

#[tokio::test(start_paused = true)]
async fn no_wait_crosses_the_deadline() {
    for (deadline, attempts, took) in [(1, 1, 0), (2, 2, 1), (3, 2, 1), (4, 3, 3), (8, 4, 7)] {
        let policy = || exact().deadline(secs(deadline));
        let ended = agreed(policy, vec![fault(FaultKind::Overloaded); 9]).await;
        assert_eq!((ended.attempts, ended.took), (attempts, secs(took)), "deadline {deadline} s");
    }
    let ended = agreed(|| exact().deadline(secs(5)), vec![busy(6.0)]).await;
    assert_eq!((ended.attempts, ended.took), (1, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn elsewhere_beats_later() {
    let moved = |kind| fault(kind).with_elsewhere(true).with_backend(BackendId(0));
    for kind in [FaultKind::RateLimited, FaultKind::QuotaExhausted, FaultKind::Auth, FaultKind::ModelNotFound]
    {
        let long = moved(kind).with_retry_after(secs(86_400));
        let ended = agreed(exact, vec![long, moved(kind)]).await;
        assert_eq!((ended.outcome, ended.attempts, ended.took), (Ok(7), 3, Duration::ZERO), "{kind}");
    }
    let wrong = agreed(exact, vec![moved(FaultKind::InvalidRequest)]).await;
    assert_eq!(wrong.attempts, 1, "the caller's own mistake is one everywhere");
}

#[tokio::test(start_paused = true)]
async fn moving_elsewhere_does_not_use_up_the_backoff() {
    let moved = fault(FaultKind::Overloaded).with_elsewhere(true);
    let ended = agreed(exact, vec![moved, moved, fault(FaultKind::Overloaded)]).await;
    assert_eq!(ended.took, secs(1));
}

#[tokio::test(start_paused = true)]
async fn moves_are_none_of_the_retries() {
    let moved = fault(FaultKind::Overloaded).with_elsewhere(true);
    let ended = agreed(|| exact().retries(0), vec![moved; 20]).await;
    assert_eq!((ended.outcome, ended.attempts, ended.took), (Ok(7), 21, Duration::ZERO));
    let then_later = [vec![moved; 5], vec![fault(FaultKind::Overloaded); 9]].concat();
    let ended = agreed(exact, then_later).await;
    assert_eq!((ended.attempts, ended.took), (5 + 4, secs(7)), "all retries are left");
    let in_circles = agreed(exact, vec![moved.with_set_aside(true); 5_000]).await;
    assert_eq!((ended.took, in_circles.attempts), (secs(7), 1_001));
}

#[tokio::test(start_paused = true)]
async fn a_move_is_paid_for_unless_the_backend_that_it_leaves_is_set_aside() {
    let spent = || exact().budget(RetryBudget::new(0.0, 0.0, 2).unwrap());
    let moved = fault(FaultKind::Overloaded).with_elsewhere(true);
    let ended = agreed(spent, vec![moved; 9]).await;
    assert_eq!((ended.outcome, ended.attempts), (Err(moved), 3));
    let left = moved.with_set_aside(true);
    let shed = fault(FaultKind::Shed).with_elsewhere(true);
    for free in [left, shed] {
        assert_eq!(agreed(spent, vec![free; 9]).await.attempts, 10, "{free}");
    }
    let then_retried = [vec![left; 5], vec![fault(FaultKind::Overloaded); 9]].concat();
    assert_eq!(agreed(spent, then_retried).await.attempts, 5 + 3, "the budget is left for retries");
}

#[tokio::test(start_paused = true)]
async fn after_a_retry_moves_are_retries_too() {
    let (moved, down) = (fault(FaultKind::Overloaded).with_elsewhere(true), fault(FaultKind::Overloaded));
    // Three backends: each is tried, then for three more attempts one after the other.
    let ended = agreed(exact, [vec![moved, moved, down], vec![moved; 9]].concat()).await;
    assert_eq!((ended.attempts, ended.took), (3 + 3, secs(1)));
}

#[tokio::test(start_paused = true)]
async fn a_wait_before_anything_is_sent_is_not_paid_for() {
    let spent = || exact().budget(RetryBudget::new(0.0, 0.0, 1).unwrap());
    let none = fault(FaultKind::RateLimited).with_set_aside(true);
    let ended =
        agreed(spent, vec![none, fault(FaultKind::Overloaded), none, fault(FaultKind::Overloaded)]).await;
    assert_eq!(ended.attempts, 4, "it is sent twice, for the second time by the budget");
    let left = none.with_backend(BackendId(0));
    assert_eq!(agreed(spent, vec![left; 9]).await.attempts, 2, "this one was sent");
}

#[tokio::test(start_paused = true)]
async fn any_sequence_of_delays_is_a_backoff_and_ends_the_call_when_it_ends() {
    let delays = [secs(3), secs(1)];
    let ended = call(exact().retries(9).backoff(delays), vec![fault(FaultKind::Timeout); 9]).await;
    assert_eq!((ended.times, ended.took), (vec![secs(0), secs(3), secs(4)], secs(4)));
    let ended = call(exact().backoff(delays.to_vec()), vec![fault(FaultKind::Timeout)]).await;
    assert_eq!(ended.took, secs(3));
    let ended = call(exact().backoff(Constant(secs(2))), vec![fault(FaultKind::Timeout); 2]).await;
    assert_eq!(ended.took, secs(4));
}

#[tokio::test(start_paused = true)]
async fn the_cap_holds_for_any_sequence() {
    let ended = call(exact().backoff([secs(1000)]), vec![fault(FaultKind::Timeout)]).await;
    assert_eq!(ended.took, secs(60));
    let far = Exponential::new(secs(40), 2.0, secs(400)).unwrap();
    let ended = call(exact().backoff(far).cap(secs(50)), vec![fault(FaultKind::Timeout); 2]).await;
    assert_eq!(ended.took, secs(90));
}

#[tokio::test(start_paused = true)]
async fn no_retries_are_no_retries() {
    let ended = agreed(|| exact().retries(0), vec![fault(FaultKind::Overloaded)]).await;
    assert_eq!((ended.attempts, ended.took), (1, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_seed_makes_waits_repeatable_and_calls_different() {
    let policy = RetryPolicy::default().seed(42);
    let faults = vec![fault(FaultKind::Overloaded); 3];
    let (first, second) = (call(policy.clone(), faults.clone()).await, call(policy, faults.clone()).await);
    let again = call(RetryPolicy::default().seed(42), faults).await;
    assert_eq!(first.times, again.times);
    assert_ne!(first.times, second.times);
}
