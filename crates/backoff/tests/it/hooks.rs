use std::sync::{Arc, Mutex};

use mainstay_backoff::{GiveUp, Jitter, RetryEvent, RetryPolicy};
use mainstay_fault::FaultKind;

use crate::drive::{call, fault, secs};

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

#[test]
fn reasons_have_names() {
    assert_eq!(GiveUp::RetryAfterTooLong.to_string(), "retry_after_too_long");
}
