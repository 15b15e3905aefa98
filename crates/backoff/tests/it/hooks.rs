use std::sync::{Arc, Mutex};

use mainstay_backoff::{GiveUp, GiveUpEvent, Jitter, RetryBudget, RetryEvent, RetryPolicy};
use mainstay_fault::FaultKind;

use crate::drive::{busy, call, fault, secs};

#[tokio::test(start_paused = true)]
async fn the_hook_is_told_of_each_retry_and_of_nothing_else() {
    let told: Arc<Mutex<Vec<RetryEvent>>> = Arc::default();
    let hook = Arc::clone(&told);
    let policy =
        RetryPolicy::default().jitter(Jitter::None).on_retry(move |event| hook.lock().unwrap().push(*event));
    call(policy.clone(), vec![fault(FaultKind::Timeout), fault(FaultKind::Connect)]).await;
    call(policy.clone(), vec![]).await;
    call(policy, vec![fault(FaultKind::Auth)]).await;
    let told: Vec<_> =
        told.lock().unwrap().iter().map(|event| (event.attempt, event.fault.kind, event.delay)).collect();
    assert_eq!(told, [(1, FaultKind::Timeout, secs(1)), (2, FaultKind::Connect, secs(2))]);
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_is_told_why_a_call_is_given_up() {
    let told: Arc<Mutex<Vec<GiveUpEvent>>> = Arc::default();
    let hook = Arc::clone(&told);
    let policy = RetryPolicy::default()
        .jitter(Jitter::None)
        .on_give_up(move |event| hook.lock().unwrap().push(*event));
    call(policy.clone(), vec![]).await;
    call(policy.clone(), vec![fault(FaultKind::Auth)]).await;
    call(policy.clone(), vec![fault(FaultKind::Timeout); 9]).await;
    call(policy.clone(), vec![busy(90.0)]).await;
    call(policy.clone().deadline(secs(2)), vec![fault(FaultKind::Timeout); 9]).await;
    call(policy.budget(RetryBudget::new(0.0, 0.0, 0).unwrap()), vec![fault(FaultKind::Timeout)]).await;
    let told: Vec<_> = told.lock().unwrap().iter().map(|event| (event.attempt, event.reason)).collect();
    let expected = [
        (1, GiveUp::NotRetryable),
        (4, GiveUp::Exhausted),
        (1, GiveUp::RetryAfterTooLong),
        (2, GiveUp::Deadline),
        (1, GiveUp::Budget),
    ];
    assert_eq!(told, expected);
}

#[test]
fn reasons_have_names() {
    assert_eq!(GiveUp::RetryAfterTooLong.to_string(), "retry_after_too_long");
}
