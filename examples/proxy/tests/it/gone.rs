//! Callers who go away.

use std::time::Duration;

use mainstay_mock_openai::{Latency, ModelPlan};

use crate::proxy::{ask, ask_stream, before, until};

const LONG: Latency = Latency::Constant(Duration::from_secs(3_600));

#[tokio::test]
async fn who_leaves_before_the_answer_takes_the_call_along() {
    let (mock, proxy) = before(ModelPlan::new().latency(LONG).first_token(LONG)).await;
    for body in [ask("m"), ask_stream("m")] {
        let call = tokio::spawn(proxy.post(&body).send());
        until(|| mock.stats().in_flight == 1).await;
        call.abort();
        until(|| mock.stats().in_flight == 0).await;
    }
    assert_eq!(mock.stats().outcome("client_gone"), 2);
}

#[tokio::test]
async fn who_leaves_in_the_middle_of_a_stream_closes_it() {
    let (mock, proxy) =
        before(ModelPlan::new().per_token(Latency::Constant(Duration::from_millis(200)))).await;
    let mut response = proxy.post(&ask_stream("m")).send().await.unwrap();
    assert!(response.chunk().await.unwrap().is_some());
    drop(response);
    until(|| mock.stats().outcome("client_gone") == 1).await;
    let text = proxy.get("/metrics").await.text().await.unwrap();
    assert!(
        text.contains("mainstay_calls_total{model=\"m\",operation=\"chat\",outcome=\"cancelled\"} 1"),
        "{text}"
    );
    assert!(text.contains("mainstay_calls_in_flight{model=\"m\",operation=\"chat\"} 0"), "{text}");
}
