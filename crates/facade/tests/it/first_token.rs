//! The first-token limit can move a call, and never fails one that has nowhere else to go.

use std::{fmt::Write, time::Duration};

use mainstay::{ChatRequest, FaultKind, HasFault, Mainstay, Report, Tier, openai::Tool};
use mainstay_mock_openai::{Dialect, Latency, MockOpenAi, ModelPlan, Plan, StreamFault, WholeFault};
use serde_json::json;
use tokio::time::Instant;

const ALONE: &str = r#"{ models = [{ on = "a" }] }"#;
const BOTH: &str = r#"{ models = [{ on = "a" }, { on = "b" }], strategy = "in_order" }"#;

/// The stack, and what it stands on.
struct Stack {
    mainstay: Mainstay,
    _mocks: Vec<MockOpenAi>,
}

/// Backends `a` and `b`; the first token is waited for 5 s, retries begin a second later.
async fn start(plans: impl IntoIterator<Item = ModelPlan>, settings: &str, tiers: &str) -> Stack {
    let mut toml = String::from("first_token_timeout = \"5s\"\n");
    let (mut backends, mut mocks) = (String::new(), Vec::new());
    for (name, plan) in ["a", "b"].iter().zip(plans) {
        let mock = MockOpenAi::builder().plan(Plan::new().model("m", plan)).start().await.unwrap();
        writeln!(backends, "[backends.{name}]\nbase_url = {:?}", mock.base_url()).unwrap();
        mocks.push(mock);
    }
    writeln!(toml, "{settings}\n{backends}\n[routes.m]\ntiers = [{tiers}]").unwrap();
    Stack { mainstay: Mainstay::from_toml(&toml).unwrap(), _mocks: mocks }
}

fn slow() -> ModelPlan {
    ModelPlan::new().first_token(Latency::Constant(Duration::from_secs(20)))
}

fn ask() -> ChatRequest {
    ChatRequest::new("m").user("Tell me of the sea.")
}

/// What came of a streamed call that is answered, and the seconds to its first token.
async fn answered(mainstay: &Mainstay) -> (Report, u64) {
    let began = Instant::now();
    let stream = mainstay.chat_stream(ask()).await.unwrap();
    let (report, took) = (stream.report(), began.elapsed().as_secs());
    assert!(!stream.into_response().await.unwrap().text().is_empty());
    (report, took)
}

fn served_by(report: &Report) -> Vec<(&str, Option<FaultKind>)> {
    report.attempts.iter().map(|it| (&*it.backend, it.fault.map(|fault| fault.kind))).collect()
}

const SLOW: Option<FaultKind> = Some(FaultKind::Timeout);

#[tokio::test(start_paused = true)]
async fn a_lone_backend_that_is_slow_is_waited_for() {
    let stack = start([slow()], "[retry]\nretries = 0", ALONE).await;
    let (report, took) = answered(&stack.mainstay).await;
    assert_eq!((served_by(&report), took), (vec![("a/m", None)], 20));
}

#[tokio::test(start_paused = true)]
async fn it_is_asked_again_as_often_as_may_be_and_waited_for_at_last() {
    let stack = start([slow()], "[retry]\nretries = 2\njitter = \"none\"", ALONE).await;
    let (report, took) = answered(&stack.mainstay).await;
    assert_eq!(served_by(&report), [("a/m", SLOW), ("a/m", SLOW), ("a/m", None)]);
    assert_eq!(took, 5 + 1 + 5 + 2 + 20);
}

#[tokio::test(start_paused = true)]
async fn it_is_waited_for_when_the_retries_of_all_are_used_up() {
    let budget = "[retry]\nbudget = { ratio = 0, floor = 0, burst = 1 }";
    let stack = start([slow()], budget, ALONE).await;
    let calls = futures_util::future::join_all((0..10).map(|_| answered(&stack.mainstay))).await;
    let attempts: usize = calls.iter().map(|(report, _)| report.attempts.len()).sum();
    assert_eq!(attempts, 11, "one was sent again, and all were answered");
}

#[tokio::test(start_paused = true)]
async fn it_is_waited_for_where_a_retry_would_cross_the_deadline() {
    let settings = "deadline = \"21s\"\n[retry]\nbase = \"1m\"";
    let stack = start([slow()], settings, ALONE).await;
    let (report, took) = answered(&stack.mainstay).await;
    assert_eq!((report.attempts.len(), took), (1, 20));
}

#[tokio::test(start_paused = true)]
async fn with_a_second_backend_the_call_moves_at_the_limit() {
    // Whether it is the last moment or not: a move waits for nothing.
    for deadline in ["10m", "6s"] {
        let settings = format!("deadline = {deadline:?}");
        let stack = start([slow(), ModelPlan::new()], &settings, BOTH).await;
        let (report, took) = answered(&stack.mainstay).await;
        assert_eq!((served_by(&report), took), (vec![("a/m", SLOW), ("b/m", None)], 5));
    }
    // The second one is the last resort, and slow too.
    let stack = start([slow(), slow()], "[retry]\nretries = 0", BOTH).await;
    let (report, took) = answered(&stack.mainstay).await;
    assert_eq!((served_by(&report), took), (vec![("a/m", SLOW), ("b/m", None)], 25));
}

#[tokio::test(start_paused = true)]
async fn with_a_tier_below_the_call_moves_at_the_limit() {
    let tiers = format!("{ALONE}, {{ models = [{{ on = \"b\" }}] }}");
    let stack = start([slow(), slow()], "[retry]\nretries = 0", &tiers).await;
    let (report, took) = answered(&stack.mainstay).await;
    assert_eq!((served_by(&report), took), (vec![("a/m", SLOW), ("b/m", None)], 25));
    let tiers = format!("{ALONE}, {{ answer = \"We are at it.\" }}");
    let stack = start([slow()], "[retry]\nretries = 0", &tiers).await;
    let (report, took) = answered(&stack.mainstay).await;
    assert_eq!((report.tier.as_deref(), took), (Some("m 2"), 5));
}

#[tokio::test(start_paused = true)]
async fn a_tier_below_that_does_not_take_over_what_is_slow_is_none() {
    let mock = MockOpenAi::builder().plan(Plan::new().model("m", slow())).start().await.unwrap();
    let picky = Tier::answer("sorry", "later").accepts(|fault| fault.kind != FaultKind::Timeout);
    let mainstay = Mainstay::builder()
        .base_url(mock.base_url())
        .first_token_timeout(Duration::from_secs(5))
        .retry(mainstay::RetryPolicy::default().retries(0))
        .tier(picky)
        .build()
        .unwrap();
    let (report, took) = answered(&mainstay).await;
    assert_eq!((report.tier.as_deref(), took), (Some("model"), 20));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_the_wait() {
    let silent = ModelPlan::new().fault(StreamFault::RoleOnly, 1.0);
    let stack = start([silent], "deadline = \"30s\"\n[retry]\nretries = 1", ALONE).await;
    let began = Instant::now();
    let failure = stack.mainstay.chat_stream(ask()).await.unwrap_err();
    assert_eq!((failure.fault().kind, failure.report().attempts.len()), (FaultKind::Timeout, 2));
    assert_eq!(began.elapsed().as_secs(), 30, "{failure}");
}

/// What a configuration says of the only backend counts, too.
#[tokio::test(start_paused = true)]
async fn a_configurations_limit_is_the_only_backends() {
    let mock = MockOpenAi::builder().plan(Plan::new().model("m", slow())).start().await.unwrap();
    let config = "first_token_timeout = \"5s\"\n[retry]\nretries = 1\nbase = \"1s\"".parse().unwrap();
    let mainstay = Mainstay::builder().base_url(mock.base_url()).config(config).build().unwrap();
    let stream = mainstay.chat_stream(ask()).await.unwrap();
    let report = stream.report();
    assert_eq!(report.attempts[0].fault.map(|fault| fault.kind), Some(FaultKind::Timeout), "{report}");
    assert_eq!(report.attempts[0].took.as_secs(), 5, "{report}");
}

/// A backend that cannot take the very call is nowhere to go, in the same tier or below.
#[tokio::test(start_paused = true)]
async fn it_is_not_given_up_for_a_backend_that_cannot_take_the_call() {
    let look_up = || Tool::function("look_up", "Looks it up.", json!({"type": "object", "properties": {}}));
    for (settings, fields) in [
        ("", "lacks = [\"tools\"]"),
        ("", "context_window = 400"),
        ("", "tokens_per_minute = 100"),
        ("budget = { dollars = 1 }", "price = { input = 0, output = 1e5 }"),
    ] {
        let first = "{ on = \"a\", price = { input = 0, output = 0 } }";
        let second = format!("{{ on = \"b\", {fields} }}");
        for tiers in [
            format!("{{ models = [{first}, {second}], strategy = \"in_order\" }}"),
            format!("{{ models = [{first}] }}, {{ models = [{second}] }}"),
        ] {
            let settings = format!("{settings}\n[retry]\nretries = 0");
            let stack = start([slow(), ModelPlan::new()], &settings, &tiers).await;
            let stream = stack.mainstay.chat_stream(ask().tool(look_up())).await.unwrap();
            assert_eq!(served_by(&stream.report()), [("a/m", None)], "{tiers}");
        }
    }
}

/// Nor is a tier below whose backends are all set aside.
#[tokio::test(start_paused = true)]
async fn it_is_not_given_up_for_a_tier_that_is_set_aside() {
    let broke = ModelPlan::new().fault(WholeFault::InsufficientQuota, 1.0);
    let tiers = format!("{ALONE}, {{ models = [{{ on = \"b\" }}] }}");
    let stack = start([slow(), broke], "[retry]\nretries = 0", &tiers).await;
    let failed = stack.mainstay.chat_stream(ask()).await.unwrap_err();
    assert_eq!(served_by(failed.report()), [("a/m", SLOW), ("b/m", Some(FaultKind::QuotaExhausted))]);
    let (report, took) = answered(&stack.mainstay).await;
    assert_eq!((served_by(&report), took), (vec![("a/m", None)], 20));
}

/// A backend that is set aside is nowhere to go.
#[tokio::test(start_paused = true)]
async fn it_is_not_given_up_for_a_backend_that_is_set_aside() {
    let broke = ModelPlan::new().fault(WholeFault::InsufficientQuota, 1.0);
    let stack = start([slow(), broke], "[retry]\nretries = 0", BOTH).await;
    let failed = stack.mainstay.chat_stream(ask()).await.unwrap_err();
    assert_eq!(served_by(failed.report()), [("a/m", SLOW), ("b/m", Some(FaultKind::QuotaExhausted))]);
    let (report, took) = answered(&stack.mainstay).await;
    assert_eq!((served_by(&report), took), (vec![("a/m", None)], 20));
}

/// What was sent by tiers above is none of a tier's retries.
#[tokio::test(start_paused = true)]
async fn further_down_the_call_moves_at_the_limit_too() {
    let down = ModelPlan::new().fault(WholeFault::ServerError, 1.0);
    let plan = Plan::new().model("down", down).model("slow", slow()).model("m", ModelPlan::new());
    let mock = MockOpenAi::builder().plan(plan).start().await.unwrap();
    let toml = format!(
        r#"
            first_token_timeout = "5s"
            backends.a.base_url = {:?}
            [retry]
            base = "1ms"
            [[routes.m.tiers]]
            models = [{{ on = "a", model = "down" }}]
            [[routes.m.tiers]]
            models = [{{ on = "a", model = "slow" }}, {{ on = "a" }}]
            strategy = "in_order"
        "#,
        mock.base_url()
    );
    for retries in [0, 3] {
        let toml = toml.replace("base =", &format!("retries = {retries}\nbase ="));
        let (report, _) = answered(&Mainstay::from_toml(&toml).unwrap()).await;
        let served = served_by(&report);
        assert_eq!(served.len(), retries + 3, "{report}");
        assert_eq!(served.last_chunk(), Some(&[("a/slow", SLOW), ("a/m", None)]), "{report}");
    }
}

/// Nor for a tier below that does not take over what was too long further up.
#[tokio::test(start_paused = true)]
async fn it_is_not_given_up_for_a_tier_that_does_not_take_over_what_was_too_long() {
    for (window, served, one) in [(8_000, "a/slow", false), (8_000, "a/slow", true), (32_000, "a/m", false)] {
        let plan = Plan::new()
            .model("small", ModelPlan::new().context_window(200))
            .model("slow", slow())
            .model("m", ModelPlan::new());
        let mock = MockOpenAi::builder().plan(plan).start().await.unwrap();
        let tier = |model: &str, window: u32| {
            format!("{{ models = [{{ on = \"a\", model = {model:?}, context_window = {window} }}] }}")
        };
        let both = "{ strategy = \"in_order\", models = [{ on = \"a\", model = \"small\", context_window = 8000 }, \
            { on = \"a\", model = \"slow\", context_window = 32000 }] }";
        let above =
            if one { both.to_owned() } else { [tier("small", 8_000), tier("slow", 32_000)].join(", ") };
        let tiers = [above, tier("m", window)].join(", ");
        let toml = format!(
            "first_token_timeout = \"5s\"\n[retry]\nretries = 0\n[backends.a]\nbase_url = {:?}\n[routes.m]\ntiers = [{tiers}]",
            mock.base_url()
        );
        let mainstay = Mainstay::from_toml(&toml).unwrap();
        let long = ChatRequest::new("m").user("word ".repeat(2_000));
        let report = mainstay.chat_stream(long).await.unwrap().report();
        assert_eq!(served_by(&report).last(), Some(&(served, None)), "{report}");
    }
}

/// Nor for one that does not go around a policy.
#[tokio::test(start_paused = true)]
async fn it_is_not_given_up_for_a_tier_that_does_not_take_over_what_a_policy_refused() {
    let filters = ModelPlan::new().fault(WholeFault::ContentFilter(Dialect::default()), 1.0);
    let mock = MockOpenAi::builder().plan(Plan::new().model("m", filters).model("slow", slow())).start();
    let mock = mock.await.unwrap();
    let mainstay = Mainstay::builder()
        .base_url(mock.base_url())
        .first_token_timeout(Duration::from_secs(5))
        .retry(mainstay::RetryPolicy::default().retries(0))
        .tier(Tier::model("slow").accepts(|fault| fault.kind == FaultKind::ContentFiltered))
        .tier(Tier::answer("sorry", "later"))
        .build()
        .unwrap();
    let (report, took) = answered(&mainstay).await;
    assert_eq!((report.tier.as_deref(), took), (Some("slow"), 20));
}
