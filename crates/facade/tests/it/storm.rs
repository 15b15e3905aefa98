//! Everything that passes fails at once, and every call is answered.

use std::time::Duration;

use mainstay::{
    ChatRequest, FaultKind, HasFault, Mainstay, RetryPolicy,
    backoff::{Exponential, RetryBudget},
    check,
};
use mainstay_mock_openai::{MockOpenAi, ModelPlan, Plan, RetryAfter, WholeFault};
use tokio::task::JoinSet;

/// For attempts of which none hangs: a machine that is busy with other things must not make them time out.
const LONG: Duration = Duration::from_secs(60);

/// Quick, since these tests wait on a real clock.
fn quick() -> RetryPolicy {
    let millis = Duration::from_millis;
    RetryPolicy::default().backoff(Exponential::new(millis(1), 2.0, millis(20)).unwrap())
}

async fn stormy(plan: ModelPlan, policy: RetryPolicy, timeout: Duration) -> (MockOpenAi, Mainstay) {
    let mock = MockOpenAi::builder().plan(Plan::new().seed(7).model("m", plan)).start().await.unwrap();
    let mainstay = Mainstay::builder()
        .base_url(mock.base_url())
        .attempt_timeout(timeout)
        .retry(policy)
        .check(check::json)
        .build()
        .unwrap();
    (mock, mainstay)
}

fn question(n: usize) -> ChatRequest {
    ChatRequest::new("m")
        .user(format!("Extract document {n} as JSON."))
        .json_object()
        .key(format!("document-{n}"))
}

#[tokio::test]
async fn a_third_of_the_attempts_fail_and_every_call_is_answered_once() {
    let faults = [
        WholeFault::RateLimited(RetryAfter::default()),
        WholeFault::Overloaded(RetryAfter::default()),
        WholeFault::Overloaded529(RetryAfter::default()),
        WholeFault::ServerError,
        WholeFault::BadGateway,
        WholeFault::Reset,
        WholeFault::ResetMidBody,
        WholeFault::Close,
        WholeFault::Hang,
        WholeFault::Html200,
        WholeFault::Empty200,
        WholeFault::TruncatedJson,
        WholeFault::NotJson,
        WholeFault::Length,
        WholeFault::EmptyAnswer,
    ];
    let share = 0.34 / faults.len() as f64;
    let plan = faults.into_iter().fold(ModelPlan::new(), |plan, fault| plan.fault(fault, share));
    let patient = quick().retries(12).budget(RetryBudget::new(1.0, 100.0, 100).unwrap());
    let (mock, mainstay) = stormy(plan, patient, Duration::from_secs(2)).await;

    let mut calls = JoinSet::new();
    for n in 0..200 {
        calls.spawn(mainstay.chat(question(n)));
    }
    for answer in calls.join_all().await {
        let answer = answer.unwrap();
        assert!(answer.json::<serde_json::Value>().is_ok(), "{answer:?}");
    }
    let stats = mock.stats();
    assert_eq!(stats.executions.len(), 200, "every document was extracted");
    assert!(stats.calls > 240, "the storm took place: {} calls", stats.calls);
}

#[tokio::test]
async fn an_outage_costs_no_more_than_the_budget() {
    let plan = ModelPlan::new().fault(WholeFault::ServerError, 1.0);
    let (mock, mainstay) = stormy(plan, quick().budget(RetryBudget::new(0.2, 0.0, 10).unwrap()), LONG).await;
    let mut calls = JoinSet::new();
    for n in 0..500 {
        calls.spawn(mainstay.chat(question(n)));
    }
    assert!(calls.join_all().await.into_iter().all(|answer| answer.is_err()));
    let seen = mock.stats().calls;
    assert!((500..=610).contains(&seen), "500 calls became {seen}");
}

#[tokio::test]
async fn an_answer_that_never_passes_the_check_is_an_error_that_says_why() {
    let plan = ModelPlan::new().fault(WholeFault::NotJson, 1.0);
    let (mock, mainstay) = stormy(plan, quick(), LONG).await;
    let error = mainstay.chat(question(1)).await.unwrap_err();
    assert_eq!((error.fault().kind, mock.stats().calls), (FaultKind::Rejected, 4));
    assert!(error.to_string().starts_with("answer rejected: the answer is not JSON"), "{error}");
}
