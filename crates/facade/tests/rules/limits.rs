//! Rule 10: limits.

use futures_util::{StreamExt, future::join_all};
use mainstay::{FaultKind, HasFault, Mainstay};
use mainstay_mock_openai::{ModelPlan, RetryAfter, WholeFault};

use crate::{always, ask, stack};

const LIMITED: &str =
    r#"{ models = [{ on = "a", requests_per_minute = 100, tokens_per_minute = 1_000_000 }] }"#;
const ONCE: &str = "[retry]\nretries = 0";

/// The requests and the tokens that are left.
fn left(mainstay: &Mainstay) -> (i64, i64) {
    let limit = mainstay.status().limits.remove(0);
    (limit.requests.unwrap(), limit.tokens.unwrap())
}

#[tokio::test]
async fn rule_10_limits_are_taken_before_sending() {
    let tiers = r#"{ models = [{ on = "a", requests_per_minute = 5 }] }"#;
    let settings = "max_wait = \"1ms\"\n[retry]\nretries = 0";
    let (mocks, mainstay) = stack([ModelPlan::new()], settings, tiers).await;
    let outcomes = join_all((0..20).map(|_| mainstay.chat(ask()))).await;
    assert_eq!(mocks[0].stats().calls, 5);
    for failure in outcomes.into_iter().filter_map(Result::err) {
        assert_eq!(failure.fault().kind, FaultKind::Shed, "{failure}");
        assert!(failure.fault().retry_after.is_some() && failure.report().attempts.len() <= 1, "{failure}");
    }
}

#[tokio::test(start_paused = true)]
async fn rule_10_what_was_reserved_is_settled_on_what_was_used() {
    let (_mocks, mainstay) = stack([ModelPlan::new()], ONCE, LIMITED).await;
    let before = left(&mainstay);
    let reply = mainstay.chat(ask().max_tokens(50_000)).await.unwrap();
    let used = i64::try_from(reply.report.tokens()).unwrap();
    assert!(used > 10 && left(&mainstay) == (before.0 - 1, before.1 - used), "{used} {:?}", left(&mainstay));
}

#[tokio::test(start_paused = true)]
async fn rule_10_a_stream_whose_caller_goes_is_settled_on_its_deltas() {
    let (_mocks, mainstay) = stack([ModelPlan::new()], ONCE, LIMITED).await;
    let (_, before) = left(&mainstay);
    let mut stream = mainstay.chat_stream(ask().max_tokens(50_000)).await.unwrap();
    assert!(left(&mainstay).1 <= before - 50_000, "reserved, until it ends");
    let mut deltas = 0;
    while deltas < 5 {
        deltas += i64::from(!stream.next().await.unwrap().unwrap().text().is_empty());
    }
    drop(stream);
    let taken = before - left(&mainstay).1;
    assert!((deltas..100).contains(&taken), "{taken} tokens for {deltas} deltas and the prompt");
}

#[tokio::test(start_paused = true)]
async fn rule_10_a_fault_of_the_server_refunds_the_tokens_and_keeps_the_request() {
    for fault in
        [WholeFault::ServerError, WholeFault::Reset, WholeFault::Overloaded529(RetryAfter::default())]
    {
        let (_mocks, mainstay) = stack([always(fault.clone())], ONCE, LIMITED).await;
        let before = left(&mainstay);
        mainstay.chat(ask().max_tokens(50_000)).await.unwrap_err();
        assert_eq!(left(&mainstay), (before.0 - 1, before.1), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn rule_10_the_usage_of_a_stream_is_asked_for_and_taken_out_again() {
    let (mocks, mainstay) = stack([ModelPlan::new()], ONCE, LIMITED).await;
    let mut stream = mainstay.chat_stream(ask()).await.unwrap();
    while let Some(chunk) = stream.next().await {
        assert!(chunk.unwrap().usage.is_none(), "nobody asked for it");
    }
    let (told, stats) = (stream.usage().unwrap(), mocks[0].stats());
    assert_eq!((told.prompt_tokens, told.completion_tokens), (stats.prompt_tokens, stats.completion_tokens));
}
