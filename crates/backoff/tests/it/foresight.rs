//! Whether a call would be sent again is known before it is.

use std::{num::NonZeroU32, time::Duration};

use mainstay_backoff::{Jitter, RetryBudget, RetryPolicy};
use mainstay_fault::{Call, Fault, FaultKind};
use tokio::time::Instant;

const SLOW: Fault = Fault::new(FaultKind::Timeout);

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn due_in(limit: f64) -> Call {
    Call::default().with_deadline(Instant::now() + seconds(limit))
}

#[tokio::test(start_paused = true)]
async fn a_call_goes_on_while_there_are_attempts_left() {
    let policy = RetryPolicy::default().retries(2);
    let attempt = |number| {
        let mut call = Call::default();
        call.attempt = NonZeroU32::new(number).unwrap();
        policy.would_retry(&call, &SLOW)
    };
    assert_eq!([1, 2, 3].map(attempt), [true, true, false]);
    let further_down = |number| {
        let mut call = Call::default();
        (call.attempt, call.before) = (NonZeroU32::new(number).unwrap(), 4);
        policy.would_retry(&call, &SLOW)
    };
    assert_eq!([5, 6, 7].map(further_down), [true, true, false], "what was sent elsewhere is no retry");
    assert!(!policy.would_retry(&Call::default(), &Fault::new(FaultKind::InvalidRequest)));
    let never = RetryPolicy::default().when(|_| false);
    assert!(!never.would_retry(&Call::default(), &SLOW));
    assert!(never.would_retry(&Call::default(), &SLOW.with_elsewhere(true)), "a move is not a retry");
}

#[tokio::test(start_paused = true)]
async fn the_longest_delay_must_fit_before_the_deadline() {
    // The first delay is drawn from half a second to one and a half.
    let policy = RetryPolicy::default();
    assert!(policy.would_retry(&due_in(1.6), &SLOW));
    assert!(!policy.would_retry(&due_in(1.5), &SLOW));
    assert!(policy.would_retry(&due_in(0.1), &SLOW.with_elsewhere(true)), "a move waits for nothing");
    assert!(!policy.would_retry(&due_in(0.0), &SLOW.with_elsewhere(true)));
    // Decorrelated delays depend on each other: only the cap is sure.
    let decorrelated = RetryPolicy::default().jitter(Jitter::Decorrelated).cap(seconds(5.0));
    assert!(decorrelated.clone().would_retry(&due_in(5.1), &SLOW));
    assert!(!decorrelated.would_retry(&due_in(4.9), &SLOW));
}

#[tokio::test(start_paused = true)]
async fn what_the_server_said_counts() {
    let policy = RetryPolicy::default();
    let after = |limit| Fault::new(FaultKind::RateLimited).with_retry_after(seconds(limit));
    assert!(policy.would_retry(&Call::default(), &after(60.0)));
    assert!(!policy.would_retry(&Call::default(), &after(61.0)), "longer than anybody waits");
    assert!(!policy.would_retry(&due_in(10.0), &after(10.0)));
}

#[tokio::test(start_paused = true)]
async fn looking_into_the_budget_takes_nothing_out() {
    let budget = RetryBudget::new(0.0, 1.0, 1).unwrap();
    let policy = RetryPolicy::default().budget(budget.clone());
    for _ in 0..10 {
        assert!(policy.would_retry(&Call::default(), &SLOW));
    }
    assert!(budget.withdraw() && budget.has_one(), "the floor grants one more");
    assert!(budget.withdraw() && !budget.has_one() && !budget.withdraw());
    assert!(!policy.would_retry(&Call::default(), &SLOW));
    tokio::time::advance(seconds(1.0)).await;
    assert!(policy.would_retry(&Call::default(), &SLOW) && budget.withdraw());
    let broke = RetryBudget::new(0.0, 0.0, 0).unwrap();
    assert!(!broke.has_one() && !RetryPolicy::default().budget(broke).would_retry(&Call::default(), &SLOW));
}
