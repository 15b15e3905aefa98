//! Against a real server that fails on purpose.

use std::time::Duration;

use mainstay_backoff::{Constant, Jitter, RetryLayer, RetryPolicy};
use mainstay_fault::{FaultKind, HasFault};
use mainstay_mock_openai::{MockOpenAi, ModelPlan, Plan, RetryAfter, StreamFault, Turn, WholeFault};
use mainstay_openai_client::{ChatRequest, Client};
use tower::{Layer, ServiceExt};

async fn serving(turns: Vec<Turn>) -> (MockOpenAi, Client) {
    let plan = Plan::new().model("m", ModelPlan::new().sequence(turns));
    let mock = MockOpenAi::builder().plan(plan).start().await.unwrap();
    let client = Client::builder().base_url(mock.base_url()).build().unwrap();
    (mock, client)
}

/// Waits for no longer than a real clock can be asked to in a test.
fn policy() -> RetryPolicy<Constant, mainstay_backoff::ByFault, mainstay_backoff::Tracked> {
    RetryPolicy::default()
        .backoff(Constant(Duration::from_millis(1)))
        .jitter(Jitter::None)
        .retries(9)
        .tracked()
}

#[tokio::test]
async fn what_passes_is_retried_and_the_answer_comes() {
    let faults = [
        WholeFault::ServerError,
        WholeFault::Overloaded(RetryAfter::default()),
        WholeFault::Reset,
        WholeFault::Close,
        WholeFault::Html200,
        WholeFault::Empty200,
        WholeFault::TruncatedJson,
    ];
    let (mock, client) = serving(faults.map(Turn::from).into()).await;
    let service = RetryLayer::new(policy()).layer(client);
    let request = ChatRequest::new("m").user("Hello?").key("one-call");
    let answer = service.oneshot(request).await.unwrap();
    assert!(!answer.text().is_empty());
    let stats = mock.stats();
    assert_eq!(stats.calls, 8);
    assert_eq!(stats.executions["one-call"], 1, "it was answered once");
    assert_eq!(stats.begun["one-call"], 2, "and ran once more, for half an answer");
}

#[tokio::test]
async fn what_does_not_pass_is_not_retried() {
    for (fault, expected) in [
        (WholeFault::InsufficientQuota, FaultKind::QuotaExhausted),
        (WholeFault::Unauthorized, FaultKind::Auth),
        (WholeFault::ModelNotFound, FaultKind::ModelNotFound),
        (WholeFault::InvalidRequest, FaultKind::InvalidRequest),
    ] {
        let (mock, client) = serving(vec![fault.clone().into()]).await;
        let service = RetryLayer::new(policy()).layer(client);
        let error = service.oneshot(ChatRequest::new("m").user("Hello?")).await.unwrap_err();
        assert_eq!(error.fault().kind, expected, "{error}");
        assert_eq!(mock.stats().calls, 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_stream_is_repaired_up_to_its_first_token() {
    let faults = [
        StreamFault::ErrorFirst,
        StreamFault::EmptyStream,
        StreamFault::OnlyDone,
        StreamFault::Cut { after: 0 },
    ];
    let (mock, client) = serving(faults.map(Turn::from).into()).await;
    let service = RetryLayer::new(policy()).layer(client.streaming());
    let stream = service.oneshot(ChatRequest::new("m").user("Hello?")).await.unwrap();
    assert!(!stream.into_response().await.unwrap().text().is_empty());
    assert_eq!(mock.stats().calls, 5);
}
