use std::time::Duration;

use futures_util::StreamExt;
use mainstay::{ChatRequest, FaultKind, HasFault, Mainstay, RetryPolicy, backoff::Exponential};
use mainstay_mock_openai::{MockOpenAi, ModelPlan, Plan, StreamFault, Turn};

async fn playing(turns: Vec<Turn>) -> (MockOpenAi, Mainstay) {
    let plan = Plan::new().model("m", ModelPlan::new().sequence(turns));
    let mock = MockOpenAi::builder().plan(plan).start().await.unwrap();
    let millis = Duration::from_millis;
    let policy =
        RetryPolicy::default().retries(9).backoff(Exponential::new(millis(1), 1.0, millis(1)).unwrap());
    let mainstay = Mainstay::builder()
        .base_url(mock.base_url())
        .first_token_timeout(millis(100))
        .between_tokens_timeout(millis(100))
        .retry(policy)
        .build()
        .unwrap();
    (mock, mainstay)
}

fn ask() -> ChatRequest {
    ChatRequest::new("m").user("Tell me of the sea.")
}

#[tokio::test]
async fn what_breaks_before_the_first_token_is_repaired_unseen() {
    let faults = [
        StreamFault::ErrorFirst,
        StreamFault::EmptyStream,
        StreamFault::OnlyDone,
        StreamFault::RoleOnly,
        StreamFault::CommentsOnly { interval: Duration::from_millis(10) },
    ];
    let (mock, mainstay) = playing(faults.map(Turn::from).into()).await;
    let whole = mainstay.chat_stream(ask()).await.unwrap().into_response().await.unwrap();
    assert!(!whole.text().is_empty());
    assert_eq!(mock.stats().calls, 6);
}

#[tokio::test]
async fn what_breaks_after_the_first_token_is_told_and_not_repeated() {
    for fault in [
        StreamFault::Cut { after: 3 },
        StreamFault::EndEarly { after: 3 },
        StreamFault::Stall { after: 3 },
        StreamFault::ErrorEvent { after: 3 },
        StreamFault::MalformedEvent { after: 3 },
    ] {
        let (mock, mainstay) = playing(vec![Turn::Ok, fault.clone().into()]).await;
        let whole = mainstay.chat_stream(ask()).await.unwrap().into_response().await.unwrap();
        let items: Vec<_> = mainstay.chat_stream(ask()).await.unwrap().collect().await;
        let (last, before) = items.split_last().unwrap();
        assert_eq!(last.as_ref().unwrap_err().fault().kind, FaultKind::Interrupted, "{fault:?}");
        let told: String = before.iter().map(|chunk| chunk.as_ref().unwrap().text()).collect();
        assert!(!told.is_empty() && whole.text().starts_with(&told), "{fault:?}: {told:?}");
        assert_eq!(mock.stats().calls, 2, "{fault:?}");
    }
}

#[tokio::test]
async fn what_is_odd_and_whole_is_whole() {
    for fault in [StreamFault::NoDone, StreamFault::DoubleDone, StreamFault::SplitBytes] {
        let (_mock, mainstay) = playing(vec![Turn::Ok, fault.clone().into()]).await;
        let expected = mainstay.chat_stream(ask()).await.unwrap().into_response().await.unwrap();
        let odd = mainstay.chat_stream(ask()).await.unwrap().into_response().await.unwrap();
        assert_eq!(odd.text(), expected.text(), "{fault:?}");
    }
}
