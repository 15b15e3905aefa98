use std::time::Duration;

use mainstay_backoff::{RetryLayer, RetryPolicy};
use mainstay_fault::{Call, Fault, FaultKind, HasCall};
use mainstay_router::{Backend, Backends, Router, strategy::by_fn};
use mainstay_testkit::{Step, script};
use tokio::time::Instant;
use tower::Layer;

use crate::fixtures::call;

#[derive(Clone, Default)]
struct Question(Call);

impl HasCall for Question {
    fn call(&self) -> Option<&Call> {
        Some(&self.0)
    }

    fn call_mut(&mut self) -> Option<&mut Call> {
        Some(&mut self.0)
    }
}

/// Calls over backends that answer thus, tried in their order: the outcome, the time it took, and the calls to each.
async fn run(answers: &'static [Result<u32, FaultKind>]) -> (bool, Duration, Vec<usize>) {
    let (mut records, mut set) = (Vec::new(), Vec::new());
    for (index, answer) in answers.iter().enumerate() {
        let (service, record) = script(move |_, _: &Question| Step::Now(answer.map_err(Fault::new)));
        set.push(Backend::new(index.to_string(), service).window(1_000 * (10 - index as u64 % 2)));
        records.push(record);
    }
    let in_order = by_fn(|candidate: &mainstay_router::Candidate<'_>, _: &_| f64::from(candidate.id().0));
    let router = Router::new(Backends::new(set).unwrap(), in_order).tracked();
    let mut service = RetryLayer::new(RetryPolicy::default().tracked()).layer(router);
    let start = Instant::now();
    let good = call(&mut service, Question::default()).await.is_ok();
    (good, start.elapsed(), records.iter().map(mainstay_testkit::Record::calls).collect())
}

#[tokio::test(start_paused = true)]
async fn elsewhere_beats_later() {
    use FaultKind::{Overloaded, QuotaExhausted, RateLimited};
    let (good, took, calls) = run(&[Err(Overloaded), Err(RateLimited), Err(QuotaExhausted), Ok(1)]).await;
    assert_eq!((good, took, calls), (true, Duration::ZERO, vec![1, 1, 1, 1]));
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_only_when_all_were_tried() {
    let (good, took, calls) = run(&[Err(FaultKind::Overloaded), Err(FaultKind::Unavailable)]).await;
    assert!(!good && took > Duration::from_millis(500), "{took:?}");
    assert_eq!(calls, [2, 2], "two passes");
}

#[tokio::test(start_paused = true)]
async fn the_callers_mistakes_and_refusals_by_policy_go_nowhere_else() {
    for kind in [FaultKind::InvalidRequest, FaultKind::ContentFiltered] {
        let answers = Box::leak(Box::new([Err(kind), Ok(1)]));
        assert_eq!(run(answers).await, (false, Duration::ZERO, vec![1, 0]), "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_overlong_context_goes_only_to_a_larger_window() {
    let long = Err(FaultKind::ContextLength);
    let answers: &'static _ = Box::leak(Box::new([long, Ok(1)]));
    assert_eq!(run(answers).await, (false, Duration::ZERO, vec![1, 0]), "the other's window is smaller");
    let answers: &'static _ = Box::leak(Box::new([Err(FaultKind::Timeout), long, Ok(1)]));
    assert_eq!(run(answers).await, (true, Duration::ZERO, vec![1, 1, 1]));
}
