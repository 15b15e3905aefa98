use std::time::{Duration, UNIX_EPOCH};

use futures_util::{FutureExt, future::join_all};
use mainstay_fault::{Call, FaultKind, HasFault};
use mainstay_idempotency::{Fingerprint, IdempotencyLayer, Refused};
use mainstay_testkit::{Step, script};
use tokio::{task::JoinSet, time::Instant};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::support::{Ask, ByKey, Failed};

const SECOND: Duration = Duration::from_secs(1);

fn refusals<T>(outcomes: &[Result<T, Failed>]) -> Vec<Failed> {
    outcomes.iter().filter_map(|outcome| outcome.as_ref().err().cloned()).collect()
}

#[allow(clippy::unnecessary_wraps, reason = "it says what else a step may be")]
fn ok(n: usize) -> Result<usize, Failed> {
    Ok(n)
}

#[tokio::test(start_paused = true)]
async fn many_at_once_are_run_once() {
    let (inner, record) = script(|n, _: &Ask| Step::After(SECOND, ok(n)));
    let service = IdempotencyLayer::new().key_by(ByKey).layer(inner);
    let answers = join_all((0..64).map(|_| service.clone().oneshot(Ask(Some("a"), 1)))).await;
    assert_eq!(record.calls(), 1);
    let replayed = answers.iter().filter(|answer| answer.as_ref().unwrap().replayed().is_some()).count();
    assert_eq!(replayed, 63);
    assert!(answers.iter().all(|answer| **answer.as_ref().unwrap() == 0));
}

#[tokio::test(start_paused = true)]
async fn later_ones_get_the_answer_and_its_age() {
    let (inner, record) = script(|n, _: &Ask| Step::Now(ok(n)));
    let service = IdempotencyLayer::new().key_by(ByKey).layer(inner);
    service.clone().oneshot(Ask(Some("a"), 1)).await.unwrap();
    tokio::time::advance(90 * SECOND).await;
    let answer = service.clone().oneshot(Ask(Some("a"), 1)).await.unwrap();
    assert_eq!((answer.replayed().unwrap().age, record.calls()), (90 * SECOND, 1));
    service.clone().oneshot(Ask(Some("b"), 1)).await.unwrap();
    service.oneshot(Ask(None, 1)).await.unwrap();
    assert_eq!(record.calls(), 3, "another key, and none at all, are other calls");
}

#[tokio::test(start_paused = true)]
async fn the_same_key_for_another_request_is_a_conflict() {
    let (inner, record) = script(|n, _: &Ask| Step::After(SECOND, ok(n)));
    let service = IdempotencyLayer::new().key_by(ByKey).layer(inner);
    let outcomes = join_all([1, 2].map(|n| service.clone().oneshot(Ask(Some("a"), n)))).await;
    assert_eq!(refusals(&outcomes), [Failed::Refused(Refused::CONFLICT)]);
    let third = service.oneshot(Ask(Some("a"), 3)).await.unwrap_err();
    assert_eq!((third.fault().kind, record.calls()), (FaultKind::InvalidRequest, 1));
}

#[tokio::test(start_paused = true)]
async fn a_failure_goes_to_those_who_waited_and_is_forgotten() {
    let (inner, record) = script(|n, _: &Ask| {
        Step::After(SECOND, if n == 0 { Err(Failed::Inner(FaultKind::Overloaded)) } else { Ok(n) })
    });
    let service = IdempotencyLayer::new().key_by(ByKey).layer(inner);
    let outcomes = join_all((0..3).map(|_| service.clone().oneshot(Ask(Some("a"), 1)))).await;
    assert!(outcomes.iter().all(|it| it.as_ref().unwrap_err().fault().kind == FaultKind::Overloaded));
    assert_eq!(record.calls(), 1);
    assert_eq!(*service.oneshot(Ask(Some("a"), 1)).await.unwrap(), 1);
}

/// Sends a call again a second after it failed.
#[derive(Clone)]
struct Again;

impl tower::retry::Policy<Ask, usize, Failed> for Again {
    type Future = tokio::time::Sleep;

    fn retry(&mut self, _: &mut Ask, outcome: &mut Result<usize, Failed>) -> Option<Self::Future> {
        outcome.is_err().then(|| tokio::time::sleep(SECOND))
    }

    fn clone_request(&mut self, ask: &Ask) -> Option<Ask> {
        Some(*ask)
    }
}

/// The one that leads needs it again.
#[tokio::test(start_paused = true)]
async fn one_who_waits_for_another_does_not_hold_what_that_needs() {
    let (inner, record) = script(|n, _: &Ask| {
        Step::Now(if n == 0 { Err(Failed::Inner(FaultKind::Overloaded)) } else { ok(n) })
    });
    let service = tower::ServiceBuilder::new()
        .layer(IdempotencyLayer::new().key_by(ByKey))
        .retry(Again)
        .layer(tower::limit::GlobalConcurrencyLimitLayer::new(1))
        .service(inner);
    let (mut one, mut other) = (service.clone(), service);
    let first = async { one.ready().await?.call(Ask(Some("a"), 1)).await };
    let second = async {
        tokio::time::sleep(SECOND / 10).await;
        other.ready().await?.call(Ask(Some("a"), 1)).await
    };
    let both = tokio::time::timeout(5 * SECOND, async { tokio::join!(first, second) }).await.unwrap();
    assert_eq!((*both.0.unwrap(), *both.1.unwrap(), record.calls()), (1, 1, 2));
}

/// The first caller's deadline is not that of the second.
#[tokio::test(start_paused = true)]
async fn one_who_waits_takes_over_from_one_who_has_no_more_time() {
    let (inner, record) =
        script(|n, _: &Ask| Step::After(SECOND, if n == 0 { Err(Failed::TooLate) } else { ok(n) }));
    let service = IdempotencyLayer::new().key_by(ByKey).layer(inner);
    let outcomes = join_all((0..3).map(|_| service.clone().oneshot(Ask(Some("a"), 1)))).await;
    assert_eq!(refusals(&outcomes), [Failed::TooLate]);
    assert!(outcomes.iter().flatten().all(|answer| **answer == 1));
    assert_eq!(record.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn one_who_waits_takes_over_from_one_who_leaves() {
    let (inner, record) = script(|n, _: &Ask| Step::After(SECOND, ok(n)));
    let service = IdempotencyLayer::new().key_by(ByKey).layer(inner);
    let mut leader = Box::pin(service.clone().oneshot(Ask(Some("a"), 1)));
    assert!(leader.as_mut().now_or_never().is_none());
    assert!(leader.as_mut().now_or_never().is_none());
    let mut waiting = JoinSet::new();
    for _ in 0..5 {
        waiting.spawn(service.clone().oneshot(Ask(Some("a"), 1)));
    }
    tokio::task::yield_now().await;
    drop(leader);
    let answers = waiting.join_all().await;
    assert!(answers.iter().all(|answer| **answer.as_ref().unwrap() == 1));
    assert_eq!((record.calls(), record.dropped(), record.in_flight()), (2, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_panic_frees_the_key() {
    let service = service_fn(|ask: Ask| async move {
        tokio::task::yield_now().await;
        assert_ne!(ask.1, 0, "as planned");
        Ok::<_, Failed>(ask.1)
    });
    let service = IdempotencyLayer::new().key_by(ByKey).layer(service);
    let panicked = tokio::spawn(service.clone().oneshot(Ask(Some("a"), 0))).await;
    assert!(panicked.unwrap_err().is_panic());
    assert_eq!(*service.oneshot(Ask(Some("a"), 1)).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_wait_may_be_bounded() {
    let (inner, record) = script(|n, _: &Ask| Step::After(10 * SECOND, ok(n)));
    let service = IdempotencyLayer::new().key_by(ByKey).max_wait(2 * SECOND).layer(inner);
    let calls = (0..2).map(|_| async {
        let began = Instant::now();
        let outcome = service.clone().oneshot(Ask(Some("a"), 1)).await;
        assert_eq!(began.elapsed(), if outcome.is_ok() { 10 * SECOND } else { 2 * SECOND });
        outcome
    });
    assert_eq!(refusals(&join_all(calls).await), [Failed::Refused(Refused::TOO_LONG)]);
    assert_eq!(record.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_brings_its_key_and_its_deadline() {
    let (inner, record) = script(|n, _: &http::Request<()>| Step::After(10 * SECOND, ok(n)));
    let service = IdempotencyLayer::new().layer(inner);
    let ask = || {
        let mut request = http::Request::new(());
        let call = Call::default().with_key("a").with_deadline(Instant::now() + 3 * SECOND);
        request.extensions_mut().insert(call);
        request
    };
    let outcomes = join_all([ask(), ask()].map(|ask| service.clone().oneshot(ask))).await;
    assert_eq!((refusals(&outcomes), record.calls()), (vec![Failed::Refused(Refused::TOO_LONG)], 1));
}

#[tokio::test(start_paused = true)]
async fn a_response_is_marked_in_its_extensions() {
    let (inner, _) = script(|_, _: &Ask| Step::Now(Ok::<_, Failed>(http::Response::new("hello"))));
    let service = IdempotencyLayer::new().key_by(ByKey).layer(inner);
    let fresh = service.clone().oneshot(Ask(Some("a"), 1)).await.unwrap().into_marked();
    let again = service.oneshot(Ask(Some("a"), 1)).await.unwrap().into_marked();
    assert!(fresh.extensions().get::<mainstay_idempotency::Replayed>().is_none());
    assert!(again.extensions().get::<mainstay_idempotency::Replayed>().is_some());
}

#[test]
fn a_time_that_only_a_wrong_clock_tells_is_said_all_the_same() {
    let last = Duration::from_secs(253_402_300_799);
    for (began, said) in [
        (UNIX_EPOCH - Duration::from_secs(1), "began at 1970-01-01T00:00:00.000Z"),
        (UNIX_EPOCH + Duration::from_millis(1), "began at 1970-01-01T00:00:00.001Z"),
        (UNIX_EPOCH + last, "began at 9999-12-31T23:59:59.000Z"),
        (UNIX_EPOCH + last + Duration::from_secs(1), "began at 9999-12-31T23:59:59.999Z"),
    ] {
        let refused = Refused::unknown(began);
        assert!(refused.to_string().contains(said), "{refused}");
        assert_eq!(refused.unknown_since(), Some(began), "the clamp is for the words alone");
    }
}

#[test]
fn a_layer_with_a_closure_can_still_be_shown() {
    let layer = IdempotencyLayer::<u32>::new().fingerprint(|ask: &Ask| Fingerprint::of(&ask.1).unwrap());
    assert!(format!("{layer:?}").starts_with("IdempotencyLayer { store: "), "{layer:?}");
}
