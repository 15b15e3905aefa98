//! The rules of one call, through the whole stack, against servers that break them.
//!
//! Where a wait would be wrong, the configured wait is an hour: a stack that waits does not end the test.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests may fail loudly")]

mod breakers;
mod deadlines;
mod limits;
mod storms;

use std::fmt::Write;

use futures_util::{StreamExt, future::join_all};
use mainstay::{ChatRequest, FaultKind, HasFault, Mainstay};
use mainstay_mock_openai::{MockOpenAi, ModelPlan, Plan, RetryAfter, StreamFault, WholeFault};

/// Backends `a`, `b`, … of one model each, and a stack of the tiers that are given as TOML.
async fn stack(
    plans: impl IntoIterator<Item = ModelPlan>,
    settings: &str,
    tiers: &str,
) -> (Vec<MockOpenAi>, Mainstay) {
    let mut toml = format!("{settings}\n[routes.m]\ntiers = [{tiers}]\n");
    let mut mocks = Vec::new();
    for (name, plan) in ["a", "b", "c"].iter().zip(plans) {
        let mock = MockOpenAi::builder().plan(Plan::new().model("m", plan)).start().await.unwrap();
        writeln!(toml, "[backends.{name}]\nbase_url = {:?}", mock.base_url()).unwrap();
        mocks.push(mock);
    }
    (mocks, Mainstay::from_toml(&toml).unwrap())
}

const HOUR: &str = "deadline = \"3h\"\n[retry]\nbase = \"1h\"\ncap = \"1h\"\njitter = \"none\"";
const QUICK: &str = "[retry]\nbase = \"1ms\"";
const BOTH: &str = r#"{ models = [{ on = "a" }, { on = "b" }], strategy = "in_order" }"#;
const ALONE: &str = r#"{ models = [{ on = "a" }] }"#;

fn ask() -> ChatRequest {
    ChatRequest::new("m").user("What is a mainstay?")
}

fn always(fault: WholeFault) -> ModelPlan {
    ModelPlan::new().fault(fault, 1.0)
}

fn limited(seconds: &str) -> WholeFault {
    WholeFault::RateLimited(RetryAfter::raw(seconds))
}

#[tokio::test]
async fn rule_01_elsewhere_beats_later() {
    for fault in [WholeFault::ServerError, WholeFault::Reset, limited("2"), WholeFault::InsufficientQuota] {
        let (_mocks, mainstay) = stack([always(fault.clone()), ModelPlan::new()], HOUR, BOTH).await;
        let reply = mainstay.chat(ask()).await.unwrap();
        assert_eq!((reply.report.attempts.len(), reply.report.served_by()), (2, Some("b/m")), "{fault:?}");
    }
    // Not in the same pass, and to the next tier when this one is used up.
    let tiers = r#"{ models = [{ on = "a" }, { on = "b" }] }, { models = [{ on = "c" }] }"#;
    let down = || always(WholeFault::ServerError);
    let settings = "deadline = \"50m\"\n[retry]\nbase = \"1h\"\ncap = \"1h\"\njitter = \"none\"";
    let (mocks, mainstay) = stack([down(), down(), ModelPlan::new()], settings, tiers).await;
    let reply = mainstay.chat(ask()).await.unwrap();
    assert_eq!(reply.report.served_by(), Some("c/m"));
    assert_eq!(mocks.iter().map(|mock| mock.stats().calls).collect::<Vec<_>>(), [1, 1, 1]);
}

#[tokio::test]
async fn rule_02_never_sleep_for_nothing() {
    let last = HOUR.replace("base", "retries = 0\nbase");
    let crossing = HOUR.replace("3h", "1m");
    for settings in [last, crossing] {
        let (mocks, mainstay) = stack([always(WholeFault::ServerError)], &settings, ALONE).await;
        let failure = mainstay.chat(ask()).await.unwrap_err();
        assert_eq!((failure.fault().kind, mocks[0].stats().calls), (FaultKind::Unavailable, 1), "{settings}");
    }
}

#[tokio::test]
async fn rule_03_retry_after_is_the_servers_word() {
    let (mocks, mainstay) = stack([always(limited("90"))], QUICK, ALONE).await;
    let failure = mainstay.chat(ask()).await.unwrap_err();
    assert_eq!(failure.fault().kind, FaultKind::RateLimited, "{failure}");
    assert_eq!(failure.fault().retry_after.unwrap().as_secs(), 90, "the original error, now");
    let spared = mainstay.chat(ask()).await.unwrap_err().fault();
    assert!((80..=90).contains(&spared.retry_after.unwrap().as_secs()), "{spared}");
    assert_eq!(mocks[0].stats().calls, 1, "all other calls are spared");
}

#[tokio::test]
async fn rule_04_quota_keys_and_missing_models_are_not_weather() {
    for fault in [WholeFault::InsufficientQuota, WholeFault::Unauthorized, WholeFault::ModelNotFound] {
        let (mocks, mainstay) = stack([always(fault.clone()), ModelPlan::new()], HOUR, BOTH).await;
        for _ in 0..5 {
            assert_eq!(mainstay.chat(ask()).await.unwrap().report.served_by(), Some("b/m"), "{fault:?}");
        }
        assert_eq!(mocks[0].stats().calls, 1, "it is set aside: {fault:?}");
    }
}

#[tokio::test]
async fn rule_05_the_callers_own_mistakes_end_the_call() {
    let first = ModelPlan::new().sequence([
        WholeFault::InvalidRequest,
        WholeFault::InvalidRequest,
        WholeFault::InvalidRequest,
    ]);
    let (mocks, mainstay) = stack([first, ModelPlan::new()], HOUR, BOTH).await;
    for _ in 0..3 {
        let failure = mainstay.chat(ask()).await.unwrap_err();
        assert_eq!(failure.fault().kind, FaultKind::InvalidRequest);
    }
    assert_eq!((mocks[0].stats().calls, mocks[1].stats().calls), (3, 0), "no retry, no fallback");
    assert_eq!(
        mainstay.chat(ask()).await.unwrap().report.served_by(),
        Some("a/m"),
        "nobody's health suffers"
    );
}

#[tokio::test(start_paused = true)]
async fn rule_07_after_the_first_token_nothing_is_hidden() {
    let before = ModelPlan::new().sequence([StreamFault::RoleOnly, StreamFault::OnlyDone]);
    let settings = format!("first_token_timeout = \"300ms\"\n{QUICK}");
    let (mocks, mainstay) = stack([before], &settings, ALONE).await;
    let whole: Vec<_> = mainstay.chat_stream(ask()).await.unwrap().collect().await;
    assert!(whole.iter().all(Result::is_ok), "what failed before the first token is repaired");
    assert_eq!(mocks[0].stats().calls, 3);

    for fault in [
        StreamFault::EndEarly { after: 2 },
        StreamFault::Cut { after: 2 },
        StreamFault::ErrorEvent { after: 2 },
        StreamFault::MalformedEvent { after: 2 },
    ] {
        let (mocks, mainstay) =
            stack([ModelPlan::new().fault(fault.clone(), 1.0), ModelPlan::new()], QUICK, BOTH).await;
        let mut stream = mainstay.chat_stream(ask()).await.unwrap();
        let items: Vec<_> = stream.by_ref().collect().await;
        let (last, before) = items.split_last().unwrap();
        assert_eq!(last.as_ref().unwrap_err().fault().kind, FaultKind::Interrupted, "{fault:?}");
        let finished =
            |chunk: &mainstay::openai::ChatChunk| chunk.choices.iter().any(|it| it.finish_reason.is_some());
        assert!(
            before.iter().all(|chunk| !finished(chunk.as_ref().unwrap())),
            "no end is invented: {fault:?}"
        );
        assert_eq!((mocks[0].stats().calls, mocks[1].stats().calls), (1, 0), "and nothing is spliced");
    }
}

#[tokio::test]
async fn rule_11_budgets_reserve_the_worst_case_and_settle_the_real_cost() {
    let tiers = r#"{ models = [{ on = "a", price = { input = 0, output = 1000 } }] }"#;
    let settings = format!("budget = {{ dollars = 0.5 }}\n{QUICK}");
    let (mocks, mainstay) = stack([ModelPlan::new()], &settings, tiers).await;
    // Each may cost 10 cents, and costs a few: of twenty at once, five are let through.
    let outcomes = join_all((0..20).map(|_| mainstay.chat(ask().max_tokens(100)))).await;
    assert_eq!(mocks[0].stats().calls, 5);
    let (answered, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    for failure in refused.into_iter().map(Result::unwrap_err) {
        assert_eq!(
            (failure.fault().kind, failure.report().attempts.len()),
            (FaultKind::Shed, 0),
            "{failure}"
        );
        assert!(failure.to_string().contains("may cost more than the budget has left"), "{failure}");
    }
    let cost: f64 = answered.into_iter().map(|reply| reply.unwrap().report.dollars().unwrap()).sum();
    let status = mainstay.status();
    assert!((status.budgets[0].spent - cost).abs() < 1e-9, "{status} {cost}");
    assert!(mainstay.chat(ask().max_tokens(100)).await.is_ok(), "what was not used is there again");
    // It is no fault of the backend, and a tier below that costs nothing answers.
    let tiers = format!("{tiers}, {{ answer = \"Tomorrow.\" }}");
    let settings = format!("budget = {{ dollars = 0.01 }}\n{QUICK}");
    let (mocks, mainstay) = stack([ModelPlan::new()], &settings, &tiers).await;
    assert_eq!(mainstay.chat(ask().max_tokens(100)).await.unwrap().text(), "Tomorrow.");
    assert!(
        mocks[0].stats().calls == 0 && mainstay.status().backends.iter().all(mainstay::BackendStatus::is_up)
    );
}

#[tokio::test]
async fn rule_12_every_call_ends_once_and_says_how() {
    let down = || always(WholeFault::ServerError);
    let (_mocks, mainstay) = stack([down(), down()], QUICK, BOTH).await;
    let failure = mainstay.chat(ask()).await.unwrap_err();
    let tried: Vec<_> =
        failure.report().attempts.iter().map(|it| (&*it.backend, it.fault.unwrap().kind)).collect();
    assert_eq!(tried[..2], [("a/m", FaultKind::Unavailable), ("b/m", FaultKind::Unavailable)]);
    assert!(failure.to_string().contains("a/m") && failure.to_string().contains("attempts in"), "{failure}");
}
