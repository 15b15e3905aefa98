//! What a request knows of its attempts.

use std::{num::NonZeroU32, sync::Mutex, time::Duration};

use mainstay_backoff::{Jitter, RetryBudget, RetryLayer, RetryPolicy};
use mainstay_fault::{BackendId, Call, Fault, FaultKind, HasCall};
use mainstay_testkit::{Step, script};
use tokio::time::Instant;
use tower::{Layer, Service, ServiceExt};

#[derive(Clone, Debug, Default)]
struct Question {
    call: Call,
}

impl HasCall for Question {
    fn call(&self) -> Option<&Call> {
        Some(&self.call)
    }

    fn call_mut(&mut self) -> Option<&mut Call> {
        Some(&mut self.call)
    }
}

/// The call of each attempt, when the attempts fail with these.
async fn tracked(question: Question, faults: Vec<Fault>) -> Vec<Call> {
    let (service, record) =
        script(move |n, _: &Question| Step::Now(faults.get(n).map_or(Ok(()), |fault| Err(*fault))));
    let policy = RetryPolicy::default().jitter(Jitter::None).tracked();
    let _ = RetryLayer::new(policy).layer(service).ready().await.unwrap().call(question).await;
    record.seen().into_iter().map(|seen| seen.request.call).collect()
}

#[tokio::test(start_paused = true)]
async fn each_attempt_has_its_number_and_all_the_same_key() {
    let question = Question { call: Call::default().with_key("k") };
    let calls = tracked(question, vec![Fault::new(FaultKind::Overloaded); 3]).await;
    let numbers: Vec<u32> = calls.iter().map(|call| call.attempt.get()).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
    assert!(calls.iter().all(|call| call.key.as_deref() == Some("k")));
}

#[tokio::test(start_paused = true)]
async fn an_http_request_carries_a_call_from_its_first_attempt_on() {
    let (service, record) = script(|n, _: &http::Request<()>| {
        Step::Now(if n == 0 { Err(Fault::new(FaultKind::Overloaded)) } else { Ok(()) })
    });
    let mut service = RetryLayer::new(RetryPolicy::default().tracked()).layer(service);
    service.ready().await.unwrap().call(http::Request::new(())).await.unwrap();
    let numbers = record.seen().into_iter().map(|seen| seen.request.call().map(|call| call.attempt.get()));
    assert_eq!(numbers.collect::<Vec<_>>(), [Some(1), Some(2)]);
}

#[tokio::test(start_paused = true)]
async fn the_last_number_stays_the_last() {
    let mut question = Question::default();
    question.call.attempt = NonZeroU32::MAX;
    let calls = tracked(question, vec![Fault::new(FaultKind::Overloaded)]).await;
    assert_eq!(calls[1].attempt, NonZeroU32::MAX);
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_failed_is_remembered_until_a_new_pass_begins() {
    let moved = |id| Fault::new(FaultKind::Overloaded).with_backend(BackendId(id)).with_elsewhere(true);
    let last = Fault::new(FaultKind::Overloaded).with_backend(BackendId(2));
    let calls = tracked(Question::default(), vec![moved(0), moved(1), last]).await;
    let tried = |call: &Call| (0..3).filter(|id| call.tried.contains(BackendId(*id))).collect::<Vec<_>>();
    assert_eq!(calls.iter().map(tried).collect::<Vec<_>>(), [vec![], vec![0], vec![0, 1], vec![]]);
}

#[tokio::test(start_paused = true)]
async fn the_calls_own_deadline_counts() {
    for (deadline, attempts) in [(1, 1), (2, 2), (4, 3)] {
        let deadline = Instant::now() + Duration::from_secs(deadline);
        let question = Question { call: Call::default().with_deadline(deadline) };
        let calls = tracked(question, vec![Fault::new(FaultKind::Overloaded); 9]).await;
        assert_eq!(calls.len(), attempts);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_of_any_type_passes_untracked() {
    #[derive(Clone)]
    struct Foreign;
    let (service, record) = script(|_, _: &Foreign| Step::Now(Ok::<_, Fault>(())));
    RetryLayer::new(RetryPolicy::default())
        .layer(service)
        .ready()
        .await
        .unwrap()
        .call(Foreign)
        .await
        .unwrap();
    assert_eq!(record.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_request_is_cloned_once_for_each_attempt() {
    struct Counted<'a>(&'a Mutex<usize>);
    impl Clone for Counted<'_> {
        fn clone(&self) -> Self {
            *self.0.lock().unwrap() += 1;
            Counted(self.0)
        }
    }
    let clones: &'static Mutex<usize> = Box::leak(Box::default());
    let failing =
        tower::service_fn(|_: Counted<'static>| async { Err::<(), _>(Fault::new(FaultKind::Timeout)) });
    let mut service = RetryLayer::new(RetryPolicy::default().retries(2)).layer(failing);
    service.ready().await.unwrap().call(Counted(clones)).await.unwrap_err();
    assert_eq!(
        *clones.lock().unwrap(),
        3,
        "three attempts, and after each there might be another one elsewhere"
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_pays_into_the_budget_once_whatever_layers_send_it() {
    let budget = RetryBudget::new(1.0, 0.0, 9).unwrap();
    while budget.withdraw() {}
    let mut again = Question::default();
    again.call.attempt = NonZeroU32::new(2).unwrap();
    for (question, pays) in [(Question::default(), 1), (again, 0)] {
        let (service, _) = script(|_, _: &Question| Step::Now(Ok::<_, Fault>(())));
        let policy = RetryPolicy::default().budget(budget.clone()).tracked();
        RetryLayer::new(policy).layer(service).ready().await.unwrap().call(question).await.unwrap();
        assert_eq!((0..9).filter(|_| budget.withdraw()).count(), pays);
    }
}
