//! The plan's own limits.

use std::time::Duration;

use mainstay_mock_openai::{Latency, MockOpenAi, ModelPlan, Plan, StreamFault, Turn, WholeFault};
use serde_json::json;
use tokio::time::{Instant, advance};

use crate::support::{Exchange, chat, open_chat, prompt, start, with};

const SECOND: Latency = Latency::Constant(Duration::from_secs(1));

async fn modelled(model: ModelPlan) -> MockOpenAi {
    start(Plan::new().model("gpt-4o", model)).await
}

/// A request for 4 prompt tokens (a message costs 4, its text none) and at most so many of the answer.
async fn ask(mock: &MockOpenAi, max_tokens: u64) -> Exchange {
    chat(mock, &with(prompt(""), &json!({"max_tokens": max_tokens}))).await
}

#[tokio::test(start_paused = true)]
async fn requests_a_minute_are_limited_and_told() {
    let mock = modelled(ModelPlan::new().requests_per_minute(2)).await;
    let first = ask(&mock, 1).await;
    assert_eq!(first.header("x-ratelimit-limit-requests").unwrap(), "2");
    assert_eq!(first.header("x-ratelimit-remaining-requests").unwrap(), "1");
    assert_eq!(first.header("x-ratelimit-reset-requests").unwrap(), "30s");
    assert_eq!(first.header("x-ratelimit-limit-tokens"), None);
    assert_eq!(ask(&mock, 1).await.header("x-ratelimit-reset-requests").unwrap(), "1m0s");

    let refused = ask(&mock, 1).await;
    assert_eq!((refused.status(), refused.error_code().as_str()), (429, "rate_limit_exceeded"));
    assert_eq!(refused.header("retry-after").unwrap(), "30");
    assert_eq!(refused.header("retry-after-ms").unwrap(), "30000");
    assert_eq!(refused.header("x-ratelimit-remaining-requests").unwrap(), "0");
    let error = refused.json()["error"].clone();
    assert_eq!(error["type"], "requests");
    let told = "Rate limit reached for gpt-4o in organization org-mock on requests per min (RPM): Limit 2, Used 2, \
                Requested 1. Please try again in 30s.";
    assert!(error["message"].as_str().unwrap().starts_with(told), "{error}");

    advance(Duration::from_secs(30)).await;
    assert_eq!((ask(&mock, 1).await.status(), ask(&mock, 1).await.status()), (200, 429));
    assert_eq!((mock.stats().limited, mock.stats().outcome("rate_limited")), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_rounded_up_and_true() {
    let mock = modelled(ModelPlan::new().requests_per_minute(50)).await;
    for _ in 0..50 {
        assert_eq!(ask(&mock, 1).await.status(), 200);
    }
    let refused = ask(&mock, 1).await;
    assert_eq!(refused.header("retry-after").unwrap(), "2");
    assert_eq!(refused.header("retry-after-ms").unwrap(), "1200");
    advance(Duration::from_millis(1199)).await;
    assert_eq!(ask(&mock, 1).await.status(), 429);
    advance(Duration::from_millis(1)).await;
    assert_eq!(ask(&mock, 1).await.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn where_both_limits_are_short_retry_after_is_the_longer_wait() {
    let mock = modelled(ModelPlan::new().requests_per_minute(10).tokens_per_minute(60)).await;
    for _ in 0..10 {
        assert_eq!(ask(&mock, 1).await.status(), 200);
    }
    // A request comes back in 6 seconds; of the 24 tokens there are 10, and one more each second.
    let refused = ask(&mock, 20).await;
    assert_eq!((refused.status(), refused.header("retry-after").as_deref()), (429, Some("14")));
    assert_eq!(refused.json()["error"]["type"], "tokens");
    advance(Duration::from_secs(14)).await;
    assert_eq!(ask(&mock, 20).await.status(), 200);

    let refused = ask(&mock, 200).await;
    assert_eq!((refused.status(), refused.header("retry-after")), (429, None), "it never fits");
}

#[tokio::test(start_paused = true)]
async fn tokens_are_reserved_by_estimate_and_settled_by_use() {
    let mock = modelled(ModelPlan::new().tokens_per_minute(6000)).await;
    let first = ask(&mock, 5000).await;
    let used = first.json()["usage"]["total_tokens"].as_u64().unwrap();
    assert_eq!(first.header("x-ratelimit-remaining-tokens").unwrap(), "996", "while the answer is under way");
    let second = ask(&mock, 1).await;
    let left: u64 = second.header("x-ratelimit-remaining-tokens").unwrap().parse().unwrap();
    assert_eq!(left, 6000 - used - 5, "what the first did not use is given back");
}

#[tokio::test(start_paused = true)]
async fn a_fault_of_the_server_gives_the_tokens_back_and_keeps_the_request_counted() {
    let model =
        ModelPlan::new().tokens_per_minute(6000).requests_per_minute(10).sequence([WholeFault::ServerError]);
    let mock = modelled(model).await;
    assert_eq!(ask(&mock, 5000).await.status(), 500);
    let next = ask(&mock, 1).await;
    assert_eq!(next.header("x-ratelimit-remaining-tokens").unwrap(), "5995");
    assert_eq!(next.header("x-ratelimit-remaining-requests").unwrap(), "8");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_cut_is_charged_its_prompt_and_what_was_sent() {
    let cut: Turn = StreamFault::Cut { after: 10 }.into();
    let mock = modelled(ModelPlan::new().tokens_per_minute(6000).sequence([cut])).await;
    chat(&mock, &with(prompt(""), &json!({"max_tokens": 900, "stream": true}))).await;
    let next = ask(&mock, 1).await;
    assert_eq!(next.header("x-ratelimit-remaining-tokens").unwrap(), (6000 - (4 + 10) - (4 + 1)).to_string());
}

#[tokio::test(start_paused = true)]
async fn a_request_that_can_never_fit_is_told_so() {
    let mock = modelled(ModelPlan::new().tokens_per_minute(100)).await;
    let refused = ask(&mock, 200).await;
    assert_eq!((refused.status(), refused.header("retry-after")), (429, None));
    let message = refused.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("Request too large for gpt-4o"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn limits_are_taken_all_or_none() {
    let mock = modelled(ModelPlan::new().requests_per_minute(10).tokens_per_minute(100)).await;
    assert_eq!(ask(&mock, 200).await.status(), 429);
    let next = ask(&mock, 1).await;
    assert_eq!(next.header("x-ratelimit-remaining-requests").unwrap(), "9", "the refused request cost none");
}

#[tokio::test]
async fn a_prompt_beyond_the_window_is_refused_with_its_numbers() {
    let mock = modelled(ModelPlan::new().context_window(50)).await;
    assert_eq!(ask(&mock, 46).await.status(), 200);
    let refused = ask(&mock, 47).await;
    assert_eq!((refused.status(), refused.error_code().as_str()), (400, "context_length_exceeded"));
    let message = refused.json()["error"]["message"].as_str().unwrap().to_owned();
    let told = "This model's maximum context length is 50 tokens. However, you requested 51 tokens (4 in the messages, 47 \
                in the completion).";
    assert!(message.starts_with(told), "{message}");
    assert_eq!(ask(&mock, u64::MAX).await.status(), 400);
    assert_eq!(mock.stats().outcome("context_length"), 2);
}

#[tokio::test]
async fn more_calls_at_once_than_allowed_are_refused() {
    let model = ModelPlan::new().max_concurrent(1).sequence([WholeFault::Hang]);
    let mock = modelled(model).await;
    let first = open_chat(&mock, &prompt("x")).await;
    while mock.stats().outcome("hang") == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(ask(&mock, 1).await.status(), 503);
    drop(first);
    while mock.stats().in_flight > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(ask(&mock, 1).await.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn what_comes_above_a_share_of_the_load_is_slow() {
    let mock = modelled(ModelPlan::new().slow_above(2, Duration::from_secs(4)).latency(SECOND)).await;
    let began = Instant::now();
    let took = async |stream: bool| {
        let asked = chat(&mock, &with(prompt(""), &json!({"stream": stream}))).await;
        (asked.status(), began.elapsed().as_secs())
    };
    let all = tokio::join!(took(false), took(false), took(false), took(true));
    assert_eq!(all, ((200, 1), (200, 1), (200, 5), (200, 4)));
}
