//! What a reload leaves as it is.

use std::path::Path;

use mainstay::{ChatRequest, Config, FaultKind, HasFault, Mainstay};
use mainstay_mock_openai::{MockOpenAi, ModelPlan, Plan, RetryAfter, WholeFault};

async fn server(plan: ModelPlan) -> MockOpenAi {
    MockOpenAi::builder().plan(Plan::new().model("m", plan)).start().await.unwrap()
}

fn always(fault: WholeFault) -> ModelPlan {
    ModelPlan::new().fault(fault, 1.0)
}

fn ask() -> ChatRequest {
    ChatRequest::new("m").user("What is a mainstay?")
}

/// A route over `a` and `b`, and `rest` below.
fn toml(settings: &str, mocks: [&MockOpenAi; 2], rest: &str) -> String {
    let [a, b] = mocks.map(MockOpenAi::base_url);
    format!(
        r#"
        {settings}
        [backends.a]
        base_url = {a:?}
        [backends.b]
        base_url = {b:?}
        [routes.m]
        tiers = [{{ models = [{{ on = "a" }}, {{ on = "b" }}], strategy = "in_order" }}{rest}]
        "#
    )
}

fn reload(mainstay: &Mainstay, toml: &str) {
    mainstay.reload(&toml.parse::<Config>().unwrap()).unwrap();
}

const QUICK: &str = "[retry]\nbase = \"1ms\"\n";

#[tokio::test]
async fn a_queue_stays_open() {
    let down = server(always(WholeFault::ServerError)).await;
    let folder = tempfile::tempdir().unwrap();
    let queue = |path: &Path| toml(QUICK, [&down, &down], &format!(", {{ queue = {path:?} }}"));
    let (file, once_more) =
        (folder.path().join("people.jsonl"), folder.path().join(".").join("people.jsonl"));
    let mainstay = Mainstay::from_toml(&queue(&file)).unwrap();
    let lines = || std::fs::read_to_string(&file).unwrap().lines().count();
    for (calls, path) in [(1, &file), (2, &once_more), (3, &file)] {
        assert!(mainstay.chat(ask()).await.unwrap().queued().is_some());
        assert_eq!(lines(), calls);
        reload(&mainstay, &queue(path));
    }
    let other = folder.path().join("others.jsonl");
    reload(&mainstay, &queue(&other));
    assert!(mainstay.chat(ask()).await.unwrap().queued().is_some());
    assert_eq!((lines(), std::fs::read_to_string(&other).unwrap().lines().count()), (3, 1));
    reload(&mainstay, &queue(&file));
    assert!(mainstay.chat(ask()).await.unwrap().queued().is_some(), "what was left is opened again");
    assert_eq!(lines(), 4);
}

#[tokio::test]
async fn a_retry_budget_that_is_the_same_is_not_filled_again() {
    let down = server(always(WholeFault::ServerError)).await;
    let settings =
        |burst: u32| format!("[retry]\nbase = \"1ms\"\nbudget = {{ ratio = 0, floor = 0, burst = {burst} }}");
    let alone = |burst| {
        let toml = toml(&settings(burst), [&down, &down], "");
        toml.replace("{ on = \"a\" }, { on = \"b\" }", "{ on = \"a\" }")
    };
    let mainstay = Mainstay::from_toml(&alone(2)).unwrap();
    let attempts = async || mainstay.chat(ask()).await.unwrap_err().report().attempts.len();
    assert_eq!(attempts().await, 3, "two retries");
    reload(&mainstay, &alone(2));
    assert_eq!(attempts().await, 1);
    reload(&mainstay, &alone(1));
    assert_eq!(attempts().await, 2, "another budget is another one");
}

#[tokio::test]
async fn what_was_spent_is_spent_of_a_budget_that_has_more_dollars() {
    let up = server(ModelPlan::new()).await;
    let with = |budget: &str| {
        let toml = toml(&format!("budget = {budget}"), [&up, &up], "");
        toml.replace("on = \"a\"", "on = \"a\", price = { input = 1, output = 1 }")
            .replace(", { on = \"b\" }", "")
    };
    let mainstay = Mainstay::from_toml(&with("{ dollars = 5 }")).unwrap();
    mainstay.chat(ask()).await.unwrap();
    let budget = || {
        let budget = mainstay.status().budgets.remove(0);
        format!("${:.6} of ${}", budget.spent, budget.dollars)
    };
    let spent = budget().replace(" of $5", "");
    assert_ne!(spent, "$0.000000");
    reload(&mainstay, &with("{ dollars = 6 }"));
    assert_eq!(budget(), format!("{spent} of $6"));
    reload(&mainstay, &with("{ dollars = 6, window = \"2d\" }"));
    assert_eq!(budget(), "$0.000000 of $6", "another window is another one");
}

#[tokio::test(start_paused = true)]
async fn what_was_used_of_a_limit_is_used_of_another_number_too() {
    let up = server(ModelPlan::new()).await;
    let limited = |requests: u32, tokens: u32| {
        let served = format!("on = \"a\", requests_per_minute = {requests}, tokens_per_minute = {tokens}");
        toml("", [&up, &up], "").replace("on = \"a\"", &served)
    };
    let mainstay = Mainstay::from_toml(&limited(60, 9_000)).unwrap();
    for _ in 0..20 {
        mainstay.chat(ask()).await.unwrap();
    }
    let left = || {
        let limits = mainstay.status().limits.remove(0);
        (limits.requests.unwrap(), limits.tokens.unwrap())
    };
    let (requests, tokens) = left();
    assert!((40..50).contains(&requests) && tokens < 9_000, "{requests} {tokens}");
    reload(&mainstay, &limited(120, 10_000));
    assert_eq!(left(), (requests + 60, tokens + 1_000));
    reload(&mainstay, &limited(30, 10_000));
    assert_eq!(left(), (requests - 30, tokens + 1_000), "and not thirty more");
    reload(&mainstay, &limited(5, 10_000));
    assert_eq!(left().0, 0);
}

/// The first backend has such limits.
fn with_limits(mocks: [&MockOpenAi; 2], limits: &str) -> String {
    toml("", mocks, "").replace("{ on = \"a\" }, { on = \"b\" }", &format!("{{ on = \"a\"{limits} }}"))
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_outlasts_another_number() {
    let storm = server(always(WholeFault::RateLimited(RetryAfter::raw("90")))).await;
    let limits = |limits: &str| with_limits([&storm; 2], limits);
    let mainstay = Mainstay::from_toml(&limits("")).unwrap();
    mainstay.chat(ask()).await.unwrap_err();
    let seen = storm.stats().calls;
    let mut others = vec![
        limits(", requests_per_minute = 60"),
        limits(", requests_per_minute = 30, in_flight = 2"),
        limits(", in_flight = 1"),
    ];
    if cfg!(feature = "redis") {
        let share = "redis_url = { insecure = \"redis://127.0.0.1:1/\" }\nredis_local_share = 1.0\n";
        others.push(format!("{share}{}", limits(", in_flight = 1")));
    }
    for other in others {
        reload(&mainstay, &other);
        let refused = mainstay.chat(ask()).await.unwrap_err();
        assert_eq!(refused.fault().kind, FaultKind::Shed, "{other}");
        assert_eq!(storm.stats().calls, seen, "{other}");
    }
}

#[tokio::test(start_paused = true)]
async fn calls_under_way_are_under_way_with_other_numbers_too() {
    let silent = server(always(WholeFault::Hang)).await;
    let limits = |limits: &str| with_limits([&silent; 2], limits);
    let mainstay = Mainstay::from_toml(&limits(", in_flight = 2")).unwrap();
    let call = tokio::spawn(mainstay.chat(ask()));
    tokio::task::yield_now().await;
    let status = || mainstay.status().limits.pop().map(|limits| (limits.in_flight, limits.requests));
    assert_eq!(status(), Some((Some(1), None)));
    for (numbers, told) in [
        (", in_flight = 2, tokens_per_minute = 9000", Some((Some(1), None))),
        (", in_flight = 1, tokens_per_minute = 8000", Some((Some(0), None))),
        ("", None),
        (", requests_per_minute = 10", Some((None, Some(9)))),
        (", requests_per_minute = 20, in_flight = 3", Some((Some(2), Some(19)))),
    ] {
        reload(&mainstay, &limits(numbers));
        assert_eq!(status(), told, "{numbers}");
    }
    let wrong = limits(", requests_per_minute = 5").replace("order\" }", "order\" }, { queue = \"/\" }");
    mainstay.reload(&wrong.parse::<Config>().unwrap()).unwrap_err();
    assert_eq!(status(), Some((Some(2), Some(19))), "a wrong file changes nothing");
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    assert_eq!(status(), Some((Some(3), Some(19))));
}

#[tokio::test]
async fn a_backend_that_is_the_same_is_as_well_as_it_was() {
    let (down, up) = (server(always(WholeFault::ServerError)).await, server(ModelPlan::new()).await);
    let config = toml(QUICK, [&down, &up], "");
    let mainstay = Mainstay::from_toml(&config).unwrap();
    for _ in 0..20 {
        mainstay.chat(ask()).await.unwrap();
    }
    let set_aside = || mainstay.status().backends[0].set_aside;
    assert_eq!((set_aside(), mainstay.status().backends[0].backend.as_str()), (Some("unavailable"), "a/m"));
    let calls = down.stats().calls;
    reload(&mainstay, &config);
    mainstay.chat(ask()).await.unwrap();
    assert_eq!((set_aside(), down.stats().calls), (Some("unavailable"), calls));

    let moved = config.replacen("[backends.a]", "[backends.a]\nheaders = { x-region = \"north\" }", 1);
    reload(&mainstay, &moved);
    mainstay.chat(ask()).await.unwrap();
    assert_eq!((set_aside(), down.stats().calls), (None, calls + 1), "another one is asked");
}

#[tokio::test]
async fn money_keys_and_models_that_were_missing_are_looked_for_anew() {
    for fault in [WholeFault::InsufficientQuota, WholeFault::Unauthorized, WholeFault::ModelNotFound] {
        let (broke, up) = (server(always(fault.clone())).await, server(ModelPlan::new()).await);
        let config = toml(QUICK, [&broke, &up], "");
        let mainstay = Mainstay::from_toml(&config).unwrap();
        for reloads in 1..=3 {
            for _ in 0..3 {
                mainstay.chat(ask()).await.unwrap();
            }
            assert_eq!(broke.stats().calls, reloads, "once after each time: {fault:?}");
            reload(&mainstay, &config);
        }
    }
}

/// A file that is just being written is empty for a moment.
#[tokio::test]
async fn a_configuration_without_routes_leaves_all_as_it_was() {
    let up = server(ModelPlan::new()).await;
    let mainstay = Mainstay::from_toml(&toml("", [&up, &up], "")).unwrap();
    let error = mainstay.reload(&"".parse::<Config>().unwrap()).unwrap_err();
    assert!(error.to_string().contains("`routes` has none"), "{error}");
    mainstay.chat(ask()).await.unwrap();
}
