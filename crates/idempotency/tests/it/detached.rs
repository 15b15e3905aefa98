use std::time::Duration;

use futures_util::FutureExt;
use mainstay_fault::{Fault, FaultKind, HasFault};
use mainstay_idempotency::{IdempotencyLayer, Memory};
use mainstay_testkit::{Step, script};
use tower::{Layer, ServiceExt, service_fn};

use crate::support::{Ask, ByKey, Failed};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn an_execution_goes_on_when_its_caller_leaves() {
    let (inner, record) = script(|n, _: &Ask| Step::After(SECOND, Ok::<_, Failed>(n)));
    let service = IdempotencyLayer::new().key_by(ByKey).detached().layer(inner);
    let mut leader = Box::pin(service.clone().oneshot(Ask(Some("a"), 1)));
    assert!(leader.as_mut().now_or_never().is_none());
    assert!(leader.as_mut().now_or_never().is_none());
    drop(leader);
    tokio::time::sleep(2 * SECOND).await;
    let answer = service.oneshot(Ask(Some("a"), 1)).await.unwrap();
    assert_eq!((*answer, answer.replayed().unwrap().age), (0, SECOND));
    assert_eq!((record.calls(), record.dropped()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_key_ends_with_its_caller() {
    let (inner, record) = script(|n, _: &Ask| Step::After(SECOND, Ok::<_, Failed>(n)));
    let service = IdempotencyLayer::new().key_by(ByKey).detached().layer(inner);
    let mut call = Box::pin(service.oneshot(Ask(None, 1)));
    assert!(call.as_mut().now_or_never().is_none());
    assert!(call.as_mut().now_or_never().is_none());
    drop(call);
    assert_eq!(record.dropped(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_callers_own_error_and_panic_come_back() {
    let service = service_fn(|ask: Ask| async move {
        tokio::task::yield_now().await;
        assert_ne!(ask.1, 0, "as planned");
        Err::<u32, _>(Failed::Inner(FaultKind::Overloaded))
    });
    let service = IdempotencyLayer::new().key_by(ByKey).detached().layer(service);
    let error = service.clone().oneshot(Ask(Some("a"), 1)).await.unwrap_err();
    assert_eq!(error, Failed::Inner(FaultKind::Overloaded));
    let panicked = tokio::spawn(service.oneshot(Ask(Some("a"), 0))).await;
    assert!(panicked.unwrap_err().is_panic());
}

#[tokio::test(start_paused = true)]
async fn chosen_faults_are_kept_until_their_time_is_up() {
    let (inner, record) = script(|_, ask: &Ask| {
        let kind = if ask.1 == 1 { FaultKind::InvalidRequest } else { FaultKind::Overloaded };
        Step::Now(Err::<u32, _>(Failed::Inner(kind)))
    });
    let keeps = |fault: &Fault| fault.kind == FaultKind::InvalidRequest;
    let store = Memory::new().ttl(60 * SECOND).keeping_faults(keeps);
    let service = IdempotencyLayer::new().key_by(ByKey).store(store).layer(inner);
    for (key, n, calls) in [("a", 1, 1), ("a", 1, 1), ("b", 2, 2), ("b", 2, 3)] {
        let error = service.clone().oneshot(Ask(Some(key), n)).await.unwrap_err();
        let kind = if n == 1 { FaultKind::InvalidRequest } else { FaultKind::Overloaded };
        assert_eq!((error.fault().kind, record.calls()), (kind, calls));
    }
    tokio::time::advance(60 * SECOND).await;
    service.oneshot(Ask(Some("a"), 1)).await.unwrap_err();
    assert_eq!(record.calls(), 4);
}
