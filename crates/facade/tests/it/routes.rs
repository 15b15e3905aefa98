//! Stacks that a file describes.

use std::{fmt::Write, time::Duration};

use mainstay::{ChatRequest, Config, FaultKind, HasFault, Mainstay, fallback::queue::JsonlQueue};
use mainstay_mock_openai::{MockOpenAi, ModelPlan, Plan, RetryAfter, WholeFault};

async fn mock(fault: Option<WholeFault>) -> MockOpenAi {
    let plan = fault.map_or_else(ModelPlan::new, |fault| ModelPlan::new().fault(fault, 1.0));
    MockOpenAi::builder().plan(Plan::new().default_model(plan)).start().await.unwrap()
}

fn two(one: &MockOpenAi, other: &MockOpenAi, routes: &str) -> String {
    format!(
        "[retry]\nbase = \"1ms\"\ncap = \"10ms\"\n[backends.one]\nbase_url = \"{}\"\n[backends.other]\nbase_url = \"{}\"\n{routes}",
        one.base_url(),
        other.base_url()
    )
}

fn ask(model: &str) -> ChatRequest {
    ChatRequest::new(model).user("Hello?")
}

const BOTH: &str = r#"
[routes.chat]
aliases = ["talk"]
tiers = [{ models = [{ on = "one", model = "m1" }, { on = "other", model = "m2" }], strategy = "in_order" }]
"#;

#[tokio::test]
async fn elsewhere_beats_later() {
    for fault in [
        WholeFault::RateLimited(RetryAfter::raw("30")),
        WholeFault::Overloaded(RetryAfter::raw("30")),
        WholeFault::InsufficientQuota,
        WholeFault::ServerError,
        WholeFault::Reset,
        WholeFault::Unauthorized,
    ] {
        let (one, other) = (mock(Some(fault.clone())).await, mock(None).await);
        // Whoever slept before going elsewhere would sleep for half a minute.
        let sleepy = two(&one, &other, BOTH)
            .replace("base = \"1ms\"\ncap = \"10ms\"", "base = \"30s\"\njitter = \"none\"");
        let mainstay = Mainstay::from_toml(&sleepy).unwrap();
        let reply = mainstay.chat(ask("chat")).await.unwrap();
        assert_eq!(reply.model, "m2", "{fault:?}");
        assert_eq!(reply.report.served_by(), Some("other/m2"));
        assert_eq!((one.stats().calls, other.stats().calls), (1, 1), "{fault:?}");
        assert!(
            reply.report.attempts[1].waited < Duration::from_millis(100),
            "nobody slept: {}",
            reply.report
        );
    }
}

#[tokio::test]
async fn a_rate_limit_seen_by_one_call_spares_all_others() {
    let (one, other) = (mock(Some(WholeFault::RateLimited(RetryAfter::raw("30")))).await, mock(None).await);
    let mainstay = Mainstay::from_toml(&two(&one, &other, BOTH)).unwrap();
    for _ in 0..20 {
        mainstay.chat(ask("chat")).await.unwrap();
    }
    assert_eq!((one.stats().calls, other.stats().calls), (1, 20));
}

#[tokio::test]
async fn when_all_are_down_the_error_says_so_and_the_calls_are_few() {
    let (one, other) = (mock(Some(WholeFault::ServerError)).await, mock(Some(WholeFault::ServerError)).await);
    let mainstay = Mainstay::from_toml(&two(&one, &other, BOTH)).unwrap();
    let failure = mainstay.chat(ask("chat")).await.unwrap_err();
    assert_eq!((failure.fault().kind, failure.report().attempts.len()), (FaultKind::Unavailable, 2 + 3));
    assert!(failure.to_string().starts_with("backend "), "{failure}");
}

#[tokio::test]
async fn a_model_without_a_route_is_a_404_that_lists_what_there_is() {
    let (one, other) = (mock(None).await, mock(None).await);
    let mainstay = Mainstay::from_toml(&two(&one, &other, BOTH)).unwrap();
    assert!(mainstay.chat(ask("talk")).await.is_ok(), "an alias is a name");
    let failure = mainstay.chat(ask("gpt-9")).await.unwrap_err();
    assert_eq!(failure.fault().kind, FaultKind::ModelNotFound);
    assert_eq!(failure.to_string(), "there is no model \"gpt-9\"; there are chat, talk");
    assert_eq!(mainstay.models(), ["chat", "talk"]);

    let all = format!("default_route = \"chat\"\n{}", two(&one, &other, BOTH));
    let mainstay = Mainstay::from_toml(&all).unwrap();
    assert_eq!(mainstay.chat(ask("gpt-9")).await.unwrap().model, "m1");
}

#[tokio::test]
async fn every_strategy_serves() {
    let (one, other) = (mock(None).await, mock(None).await);
    for strategy in ["least_loaded", "round_robin", "weighted", "cheapest", "in_order"] {
        let routes = BOTH
            .replace("in_order", strategy)
            .replace("\"m1\"", "\"m1\", price = { input = 2.5, output = 10 }")
            .replace("\"m2\"", "\"m2\", price = { input = 0.15, output = 0.6 }");
        let weighted = if strategy == "weighted" { "\"m2\", weight = 3" } else { "\"m2\"" };
        let routes = routes.replace("\"m2\"", weighted);
        let mainstay = Mainstay::from_toml(&two(&one, &other, &routes)).unwrap();
        let mut small = 0;
        for _ in 0..8 {
            small += usize::from(mainstay.chat(ask("chat")).await.unwrap().model == "m2");
        }
        let expected = match strategy {
            "round_robin" => 4..=4,
            "weighted" => 6..=6,
            "cheapest" => 8..=8,
            "in_order" => 0..=0,
            _ => 0..=8,
        };
        assert!(expected.contains(&small), "{strategy}: {small} of 8");
    }
}

#[tokio::test]
async fn tiers_of_a_file_are_tried_in_order() {
    let (one, other) = (mock(Some(WholeFault::ServerError)).await, mock(Some(WholeFault::ServerError)).await);
    let folder = tempfile::tempdir().unwrap();
    let queue = folder.path().join("people.jsonl");
    let routes = format!(
        "[routes.a]\ntiers = [{{ models = [{{ on = \"one\" }}] }}, {{ models = [{{ on = \"other\" }}] }}, {{ answer = \"later\" }}]\n\
         [routes.b]\ntiers = [{{ models = [{{ on = \"one\" }}] }}, {{ queue = {queue:?} }}]\n"
    );
    let mainstay = Mainstay::from_toml(&two(&one, &other, &routes)).unwrap();
    let reply = mainstay.chat(ask("a")).await.unwrap();
    assert_eq!((reply.text().as_ref(), reply.report.tier.as_deref()), ("later", Some("a 3")));
    let reply = mainstay.chat(ask("b")).await.unwrap();

    // Somebody sees to it, in the process that has the file open.
    let queues = mainstay.queues();
    let people = &queues[&queue.canonicalize().unwrap()];
    let ids: Vec<_> = people.entries().into_iter().map(|entry| entry.id).collect();
    assert_eq!(ids, [reply.queued().unwrap()]);
    people.done(&ids[0]).await.unwrap();
    assert!(mainstay.queues().values().all(JsonlQueue::is_empty));
}

#[tokio::test]
async fn a_reload_takes_effect_for_new_calls_and_a_bad_one_changes_nothing() {
    let (one, other) = (mock(None).await, mock(None).await);
    let mainstay = Mainstay::from_toml(&two(&one, &other, BOTH)).unwrap();
    let clone = mainstay.clone();
    let changed = BOTH.replace("m1", "new");
    mainstay.reload(&Config::from_toml(&two(&one, &other, &changed)).unwrap()).unwrap();
    assert_eq!(clone.chat(ask("chat")).await.unwrap().model, "new");
    let mut bad = Config::from_toml(&two(&one, &other, BOTH)).unwrap();
    bad.backends.remove("one");
    assert!(mainstay.reload(&bad).is_err());
    assert_eq!(clone.chat(ask("chat")).await.unwrap().model, "new");
}

#[tokio::test]
async fn a_file_of_a_hundred_routes_is_a_stack() {
    let (one, other) = (mock(Some(WholeFault::ServerError)).await, mock(None).await);
    let mut toml = two(&one, &other, "");
    for number in 0..100 {
        let tiers = format!(
            "[{{ models = [{{ on = \"one\", model = \"a{number}\", in_flight = 4 }}] }}, {{ models = [{{ on = \"other\", model = \"b{number}\" }}] }}]"
        );
        writeln!(toml, "[routes.r{number}]\naliases = [\"alias-{number}\"]\ntiers = {tiers}").unwrap();
    }
    let mainstay = Mainstay::from_toml(&toml).unwrap();
    assert_eq!((mainstay.models().len(), mainstay.limits().len()), (200, 100));
    for (model, expected) in [("r0", "other/b0"), ("r99", "other/b99"), ("alias-57", "other/b57")] {
        assert_eq!(mainstay.chat(ask(model)).await.unwrap().report.served_by(), Some(expected));
    }
    mainstay.reload(&toml.parse().unwrap()).unwrap();
    assert_eq!(mainstay.chat(ask("r31")).await.unwrap().report.served_by(), Some("other/b31"));
}

#[tokio::test]
async fn what_cannot_be_used_is_named_when_it_is_built() {
    let (one, other) = (mock(None).await, mock(None).await);
    let missing = two(&one, &other, BOTH).replacen(
        "[backends.other]",
        "api_key = { env = \"NO_SUCH_KEY_OF_OURS\" }\n[backends.other]",
        1,
    );
    let error = Mainstay::from_toml(&missing).unwrap_err().to_string();
    assert!(error.contains("`backends.one.api_key`") && error.contains("NO_SUCH_KEY_OF_OURS"), "{error}");
    let nowhere = two(&one, &other, BOTH).replace(&one.base_url(), "nowhere");
    let error = Mainstay::from_toml(&nowhere).unwrap_err().to_string();
    assert!(error.contains("`backends.one.base_url` cannot be used: base_url: \"nowhere\""), "{error}");
}

#[test]
fn what_cannot_be_opened_is_named_with_line_and_field() {
    let folder = tempfile::tempdir().unwrap();
    let built = |text: &str| Mainstay::from_toml(text).expect_err("it must be refused").to_string();
    let queue = format!("[routes.m]\ntiers = [\n{{ queue = {:?} }}]", folder.path().join("no/people.jsonl"));
    let error = built(&queue);
    assert!(
        error.starts_with("configuration, line 3: `routes.m.tiers[0].queue` cannot be used: queue "),
        "{error}"
    );
    let keys = format!(
        "[idempotency]\npath = {:?}\n[routes.m]\ntiers = [{{ answer = \"m\" }}]",
        folder.path().join("no/keys")
    );
    let error = built(&keys);
    assert!(error.starts_with("configuration, line 2: `idempotency.path` cannot be used: "), "{error}");
    assert!(error.contains("No such file"), "{error}");
    let url = "[backends.a]\napi_key = { insecure = \"k\" }\nbase_url = \"localhost/v1\"\n[routes.m]\ntiers = [{ models = [{ on = \"a\" }] }]";
    let error = built(url);
    assert!(error.starts_with("configuration, line 3: `backends.a.base_url` cannot be used: "), "{error}");
    let keyless = "[backends.a]\nbase_url = \"https://api.openai.com/v1\"\n[routes.m]\ntiers = [{ models = [{ on = \"a\" }] }]";
    let error = built(keyless);
    assert!(error.starts_with("configuration, line 1: `backends.a.api_key` is missing"), "{error}");
    assert!(error.ends_with("by { env = \"OPENAI_API_KEY\" } or { file = \"PATH\" }"), "{error}");
}
