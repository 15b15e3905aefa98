use std::time::Duration;

use mainstay_backoff::{RetryLayer, RetryPolicy};
use mainstay_fault::{Fault, FaultKind};
use mainstay_testkit::{Step, check_cancel, check_contract, script};
use tower::{Layer, Service, ServiceExt};

#[tokio::test(start_paused = true)]
async fn readiness_is_taken_from_the_service_that_is_called() {
    check_contract(&RetryLayer::new(RetryPolicy::default())).await;
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_leaks_nothing() {
    check_cancel(&RetryLayer::new(RetryPolicy::default())).await;
}

#[tokio::test(start_paused = true)]
async fn a_retry_waits_until_the_service_is_ready_again() {
    // The script panics when it is called unready, and is ready only when asked twice.
    let (service, record) =
        script(|n, _: &u32| Step::Now(if n < 3 { Err(Fault::new(FaultKind::Overloaded)) } else { Ok(n) }));
    let mut service = RetryLayer::new(RetryPolicy::default()).layer(service);
    assert_eq!(service.ready().await.unwrap().call(0).await, Ok(3));
    assert_eq!(record.ready_polls(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_while_it_waits_is_not_sent_again() {
    let (service, record) = script(|_, _: &u32| Step::<u32, _>::Now(Err(Fault::new(FaultKind::Overloaded))));
    let mut service = RetryLayer::new(RetryPolicy::default()).layer(service);
    let call = service.ready().await.unwrap().call(0);
    tokio::time::timeout(Duration::from_millis(100), call).await.unwrap_err();
    tokio::time::advance(Duration::from_secs(3600)).await;
    assert_eq!((record.calls(), record.in_flight()), (1, 0));
}

#[test]
fn the_services_and_futures_can_be_sent_to_other_threads() {
    fn assert_send<T: Send>(_: &T) {}
    let (service, _) = script(|_, _: &u32| Step::<u32, Fault>::Hang);
    assert_send(&RetryLayer::new(RetryPolicy::default()).layer(service));
}
