//! Bodies that are not what they should be, and answers of no use.

use std::time::Duration;

use mainstay_mock_openai::{FaultSpec, StreamFault, WholeFault};
use serde_json::{Value, json};

use crate::support::{End, Exchange, chat, failing, post, prompt, streamed, with};

async fn answered(fault: impl Into<FaultSpec>) -> Exchange {
    let mock = failing(fault).await;
    let answer = chat(&mock, &prompt("Hello there")).await;
    assert_eq!((answer.status(), answer.end), (200, End::Fin));
    answer
}

#[tokio::test]
async fn a_drip_is_the_right_answer_a_byte_at_a_time() {
    let answer = answered(WholeFault::SlowDrip { interval: Duration::from_micros(1) }).await;
    assert!(answer.content().contains("Hello there"));
}

#[tokio::test(start_paused = true)]
async fn a_drip_takes_its_time() {
    let mock = failing(WholeFault::SlowDrip { interval: Duration::from_secs(1) }).await;
    let before = tokio::time::Instant::now();
    let answer = chat(&mock, &prompt("Hello there")).await;
    let bytes = answer.body().len() as u64;
    assert!(before.elapsed() >= Duration::from_secs(bytes - 1));
}

#[tokio::test]
async fn a_page_of_html_comes_under_200() {
    let answer = answered(WholeFault::Html200).await;
    assert_eq!(answer.header("content-type").unwrap(), "text/html");
    assert!(answer.text().starts_with("<html>"));
}

#[tokio::test]
async fn an_empty_200_has_no_body() {
    assert_eq!(answered(WholeFault::Empty200).await.header("content-length").unwrap(), "0");
}

#[tokio::test]
async fn truncated_json_has_a_true_content_length() {
    let answer = answered(WholeFault::TruncatedJson).await;
    assert_eq!(answer.header("content-length").unwrap(), answer.body().len().to_string());
    let error = serde_json::from_slice::<Value>(&answer.body()).unwrap_err();
    assert!(error.is_eof(), "{error}");
}

#[tokio::test]
async fn json_of_another_kind_comes_under_200() {
    assert_eq!(answered(WholeFault::WrongJson).await.json(), json!({"foo": 1}));
    assert_eq!(answered(WholeFault::ErrorIn200).await.json()["error"]["type"], "server_error");
}

#[tokio::test]
async fn a_huge_body_is_json_of_that_size() {
    let answer = answered(WholeFault::HugeBody { size: 3_000_000 }).await;
    assert_eq!(answer.content().len(), 3_000_000);
}

#[tokio::test]
async fn a_useless_answer_has_the_right_form() {
    let finish = |answer: &Exchange| answer.json()["choices"][0]["finish_reason"].clone();
    let length = answered(WholeFault::Length).await;
    assert_eq!(finish(&length), "length");
    let filtered = answered(WholeFault::ContentFilterFinish).await;
    assert_eq!(finish(&filtered), "content_filter");
    assert!(filtered.content().starts_with("You asked") && !filtered.content().ends_with('.'));
    assert_eq!(answered(WholeFault::EmptyAnswer).await.content(), "");
}

#[tokio::test]
async fn prose_comes_where_json_was_asked_for() {
    let mock = failing(WholeFault::NotJson).await;
    let request = with(prompt("Hello"), &json!({"response_format": {"type": "json_object"}}));
    let answer = chat(&mock, &request).await;
    assert!(serde_json::from_str::<Value>(&answer.content()).is_err());
}

#[tokio::test]
async fn a_useless_answer_can_be_streamed() {
    for (fault, finish) in
        [(WholeFault::Length, "length"), (WholeFault::ContentFilterFinish, "content_filter")]
    {
        let mock = failing(fault).await;
        let answer = chat(&mock, &streamed("Hello there")).await;
        assert_eq!((answer.finish_reason().as_deref(), answer.is_done()), (Some(finish), true));
    }
}

#[tokio::test]
async fn a_useless_embedding_is_none() {
    let mock = failing(WholeFault::EmptyAnswer).await;
    let answer = post(mock.addr(), "/v1/embeddings", &json!({"model": "e", "input": "x"})).await;
    assert_eq!(answer.json()["data"], json!([]));
}

#[tokio::test]
async fn a_fault_of_streams_falls_back_where_nothing_is_streamed() {
    assert_eq!(answered(StreamFault::ErrorEvent { after: 1 }).await.json()["error"]["type"], "server_error");
    assert_eq!(answered(StreamFault::OnlyDone).await.body(), b"");
    assert!(answered(StreamFault::NoDone).await.content().contains("Hello there"));
    let mock = failing(StreamFault::Cut { after: 1 }).await;
    assert_eq!(chat(&mock, &prompt("x")).await.end, End::Reset);
    assert_eq!(mock.stats().outcome("cut"), 1, "it is counted under the planned fault");
}
