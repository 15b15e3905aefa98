//! Limits known, limits learned, and streams that settle at their end.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use mainstay::{
    Builder, ChatRequest, FaultKind, HasFault, Mainstay, RetryPolicy,
    backoff::{Exponential, RetryBudget},
    bucket::Limits,
    openai::{ChatBody, StreamOptions},
};
use mainstay_mock_openai::{MockOpenAi, ModelPlan, Plan, RetryAfter, StreamFault, WholeFault};
use serde_json::json;
use tokio::task::JoinSet;

async fn limited(plan: ModelPlan) -> (MockOpenAi, Builder) {
    let mock = MockOpenAi::builder().plan(Plan::new().model("m", plan)).start().await.unwrap();
    let builder = Mainstay::builder().base_url(mock.base_url());
    (mock, builder)
}

fn ask(n: usize) -> ChatRequest {
    ChatRequest::new("m").user(format!("Question {n}?")).max_tokens(20)
}

/// Five calls more than the server takes in a minute: ten a second are allowed after the first 600.
async fn hurry(mainstay: &Mainstay) {
    let mut calls = JoinSet::new();
    for n in 0..605 {
        calls.spawn(mainstay.chat(ask(n)));
    }
    for answer in calls.join_all().await {
        answer.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_is_told_of_once_it_is_set_or_stated() {
    let stating = ModelPlan::new().tokens_per_minute(40_000);
    let plan = Plan::new().model("silent", ModelPlan::new()).model("stating", stating);
    let mock = MockOpenAi::builder().plan(plan).start().await.unwrap();
    let models = ["silent", "stating"].map(|model| {
        format!(
            "[routes.{model}]\ntiers = [{{ models = [{{ on = \"mock\", requests_per_minute = 60 }}] }}]\n"
        )
    });
    let toml = format!("[backends.mock]\nbase_url = {:?}\n{}", mock.base_url(), models.concat());
    let mainstay = Mainstay::from_toml(&toml).unwrap();
    for model in ["silent", "stating"] {
        mainstay.chat(ChatRequest::new(model).user("Hello?")).await.unwrap();
    }
    let status = mainstay.status();
    let told: Vec<_> = status.limits.iter().map(|limit| (limit.requests, limit.tokens)).collect();
    assert_eq!(told[0], (Some(59), None), "{status}");
    assert!(told[1].1.is_some_and(|tokens| (30_000..40_000).contains(&tokens)), "{status}");
    assert!(
        !status.to_string().lines().any(|line| line.starts_with("mock/silent") && line.contains("tokens"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_only_the_server_states_is_told_of_too() {
    let stating = ModelPlan::new().tokens_per_minute(40_000);
    let plan = Plan::new().model("silent", ModelPlan::new()).model("stating", stating);
    let mock = MockOpenAi::builder().plan(plan).start().await.unwrap();
    let models = ["silent", "stating"]
        .map(|model| format!("[routes.{model}]\ntiers = [{{ models = [{{ on = \"mock\" }}] }}]\n"));
    let toml = format!("[backends.mock]\nbase_url = {:?}\n{}", mock.base_url(), models.concat());
    let mainstay = Mainstay::from_toml(&toml).unwrap();
    assert_eq!(mainstay.status().limits, []);
    for model in ["silent", "stating"] {
        mainstay.chat(ChatRequest::new(model).user("Hello?")).await.unwrap();
    }
    let status = mainstay.status();
    let [told] = &status.limits[..] else { panic!("{status}") };
    assert_eq!((told.backend.as_str(), told.requests, told.in_flight), ("mock/stating", None, None));
    assert!(told.tokens.is_some_and(|tokens| (30_000..40_000).contains(&tokens)), "{status}");
    assert!(mainstay.limits().is_empty(), "none is set");
}

/// Nothing else would say why nobody is served.
#[tokio::test(start_paused = true)]
async fn a_model_that_is_held_back_by_a_retry_after_is_told_of() {
    let plan = ModelPlan::new().sequence([WholeFault::RateLimited(RetryAfter::raw("90"))]);
    let (mock, _) = limited(plan).await;
    let routes = "[routes.m]\ntiers = [{ models = [{ on = \"mock\" }] }]";
    let toml = format!("[backends.mock]\nbase_url = {:?}\n{routes}", mock.base_url());
    let mainstay = Mainstay::from_toml(&toml).unwrap();
    mainstay.chat(ask(0)).await.unwrap_err();
    let status = mainstay.status();
    let [held] = &status.limits[..] else { panic!("{status}") };
    assert_eq!(
        (held.requests, held.wait.map(|wait| wait.as_secs_f64().round())),
        (None, Some(90.0)),
        "{status}"
    );
    let shown = "m: mock/m (chat): up, 0 in flight\nm: mock/m (embeddings): up, 0 in flight\nmock/m: 0 waiting, the next for 90.0s\n";
    assert_eq!(status.to_string(), shown);
    let refused = mainstay.chat(ask(1)).await.unwrap_err();
    let attempt = &refused.report().attempts[0];
    assert_eq!(
        (attempt.fault.map(|fault| fault.kind), attempt.took),
        (Some(FaultKind::Shed), Duration::ZERO)
    );
    assert!(refused.to_string().contains("shed, retry after 90s (not sent)\n"), "{refused}");
    tokio::time::sleep(Duration::from_secs(90)).await;
    mainstay.chat(ask(2)).await.unwrap();
    assert_eq!(mainstay.status().limits, []);
}

#[tokio::test]
async fn a_limit_that_is_known_is_hardly_ever_run_into() {
    let (mock, builder) = limited(ModelPlan::new().requests_per_minute(600)).await;
    let mainstay = builder.limits("m", Limits::default().requests_per_minute(600).unwrap()).build().unwrap();
    hurry(&mainstay).await;
    let stats = mock.stats();
    assert_eq!(stats.ok(), 605);
    // Calls sent a tenth of a second apart may arrive a little less apart.
    assert!(stats.limited <= 6, "{} calls ran into the limit", stats.limited);
}

#[tokio::test]
async fn a_limit_that_is_not_known_is_learned() {
    let (mock, builder) = limited(ModelPlan::new().requests_per_minute(600)).await;
    let quick = Exponential::new(Duration::from_millis(50), 2.0, Duration::from_secs(1)).unwrap();
    let policy =
        RetryPolicy::default().retries(20).backoff(quick).budget(RetryBudget::new(1.0, 100.0, 100).unwrap());
    hurry(&builder.retry(policy).build().unwrap()).await;
    let stats = mock.stats();
    assert_eq!(stats.ok(), 605);
    assert!(stats.limited < 60, "{} calls ran into the limit", stats.limited);
}

#[tokio::test]
async fn what_the_server_says_of_a_limit_that_is_not_set_counts_beside_those_that_are() {
    let some = [Limits::default(), Limits::default().requests_per_minute(600).unwrap().in_flight(9).unwrap()];
    for limits in some {
        let (mock, builder) = limited(ModelPlan::new().tokens_per_minute(6_000)).await;
        let mainstay = builder.limits("m", limits).max_wait(Duration::ZERO).build().unwrap();
        let long = |n: usize| ask(n).user("x".repeat(16_000));
        mainstay.chat(long(0)).await.unwrap();
        let fault = mainstay.chat(long(1)).await.unwrap_err().fault();
        assert_eq!(fault.kind, FaultKind::Shed);
        assert!(fault.retry_after > Some(Duration::ZERO));
        let fault = mainstay.chat(ask(1).max_tokens(9_000)).await.unwrap_err().fault();
        assert_eq!((fault.kind, fault.retry_after), (FaultKind::Shed, None), "more than there ever is");
        assert_eq!(mock.stats().calls, 1, "the others were not sent");
    }
}

/// Thirty calls at once, none of which waits; returns how many the server answered, all others being refused here.
async fn burst(mock: &MockOpenAi, mainstay: &Mainstay, tokens: u32) -> u64 {
    let before = mock.stats();
    let mut calls = JoinSet::new();
    for n in 0..30 {
        calls.spawn(mainstay.chat(ask(n).max_tokens(tokens)));
    }
    let outcomes = calls.join_all().await;
    assert!(outcomes.iter().flat_map(Result::as_ref).count() > 0);
    for failure in outcomes.into_iter().filter_map(Result::err) {
        assert_eq!(failure.fault().kind, FaultKind::Shed);
    }
    let after = mock.stats();
    assert_eq!(after.limited, before.limited, "a call ran into the server's limit");
    after.ok() - before.ok()
}

#[tokio::test(start_paused = true)]
async fn small_limits_that_nobody_set_are_learned_and_kept_after_an_idle_hour() {
    let policy = RetryPolicy::default().retries(0);
    for (plan, tokens, at_first, later) in [
        (ModelPlan::new().requests_per_minute(10), 20, 9, 10),
        (ModelPlan::new().tokens_per_minute(5_000), 1_200, 4, 4),
    ] {
        let (mock, builder) = limited(plan).await;
        let mainstay = builder.retry(policy.clone()).max_wait(Duration::ZERO).build().unwrap();
        mainstay.chat(ask(0)).await.unwrap();
        assert_eq!(burst(&mock, &mainstay, tokens).await, at_first);
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        assert_eq!(burst(&mock, &mainstay, tokens).await, later);
    }
}

#[tokio::test]
async fn what_would_wait_too_long_is_refused_here_and_says_for_how_long() {
    let (mock, builder) = limited(ModelPlan::new()).await;
    let limits = Limits::default().requests_per_minute(1).unwrap();
    let mainstay = builder.limits("m", limits).max_wait(Duration::from_secs(10)).build().unwrap();
    mainstay.chat(ask(0)).await.unwrap();
    let fault = mainstay.chat(ask(1)).await.unwrap_err().fault();
    assert_eq!(fault.kind, FaultKind::Shed);
    let after = fault.retry_after.unwrap().as_secs();
    assert!((50..=60).contains(&after), "{after} s");
    assert_eq!(mock.stats().calls, 1, "nothing was sent");
    mainstay.chat(ChatRequest::new("another").user("Hello?")).await.unwrap();
}

#[tokio::test]
async fn a_call_settles_on_what_it_has_used() {
    let (_mock, builder) = limited(ModelPlan::new()).await;
    let limits = Arc::new(Limits::default().tokens_per_minute(60_000_000).unwrap());
    let mainstay = builder.limits("m", Arc::clone(&limits)).build().unwrap();
    let before = limits.tokens_available().unwrap();
    let used = mainstay
        .chat(ask(0).max_tokens(1_000_000))
        .await
        .unwrap()
        .into_response()
        .usage
        .unwrap()
        .total_tokens;
    let spent = before - limits.tokens_available().unwrap();
    assert!(spent <= i64::try_from(used).unwrap(), "{spent} spent, {used} used");
}

#[tokio::test]
async fn a_stream_holds_its_place_to_its_end_and_settles_there() {
    let (_mock, builder) = limited(ModelPlan::new()).await;
    let limits = Arc::new(Limits::default().in_flight(1).unwrap().tokens_per_minute(60_000_000).unwrap());
    let mainstay = builder.limits("m", Arc::clone(&limits)).build().unwrap();
    let before = limits.tokens_available().unwrap();
    let mut stream = mainstay.chat_stream(ask(0).max_tokens(1_000_000)).await.unwrap();
    assert_eq!(limits.in_flight_available(), Some(0));
    while let Some(chunk) = stream.next().await {
        assert!(chunk.unwrap().usage.is_none(), "nobody asked for the usage");
    }
    assert_eq!(limits.in_flight_available(), Some(1), "settled at its end, before it is dropped");
    let used = i64::try_from(stream.usage().unwrap().total_tokens).unwrap();
    assert!(before - limits.tokens_available().unwrap() <= used);
}

#[tokio::test]
async fn a_stream_that_breaks_or_is_dropped_gives_its_place_back() {
    let (_mock, builder) = limited(ModelPlan::new().sequence([StreamFault::Cut { after: 2 }])).await;
    let limits = Arc::new(Limits::default().in_flight(1).unwrap());
    let mainstay = builder.limits("m", Arc::clone(&limits)).build().unwrap();
    let broken: Vec<_> = mainstay.chat_stream(ask(0)).await.unwrap().collect().await;
    assert!(broken.last().unwrap().is_err());
    assert_eq!(limits.in_flight_available(), Some(1));
    drop(mainstay.chat_stream(ask(1)).await.unwrap());
    assert_eq!(limits.in_flight_available(), Some(1));
}

#[tokio::test]
async fn who_asks_a_stream_for_something_else_is_settled_by_its_usage_and_does_not_see_it() {
    let (_mock, builder) = limited(ModelPlan::new()).await;
    let mainstay = builder.build().unwrap();
    for options in [json!({"include_obfuscation": false}), json!({"include_usage": false}), json!(null)] {
        let body = json!({"model": "m", "messages": [{"role": "user", "content": "Hello?"}], "stream_options": options});
        let typed = ChatRequest::from(serde_json::from_value::<ChatBody>(body).unwrap());
        let untyped = ask(0).set("stream_options", options.clone());
        for request in [typed, untyped] {
            let mut stream = mainstay.chat_stream(request).await.unwrap();
            while let Some(chunk) = stream.next().await {
                assert!(chunk.unwrap().usage.is_none(), "nobody asked for the usage: {options}");
            }
            assert!(
                stream.usage().is_some_and(|usage| usage.total_tokens > 0),
                "it was asked for: {options}"
            );
        }
    }
    let asked = ask(0).set("stream_options", json!({"include_usage": true, "include_obfuscation": false}));
    let chunks: Vec<_> = mainstay.chat_stream(asked).await.unwrap().collect().await;
    assert!(chunks.last().unwrap().as_ref().unwrap().usage.is_some());
}

#[tokio::test]
async fn who_asks_for_the_usage_gets_it() {
    let (_mock, builder) = limited(ModelPlan::new()).await;
    let mainstay = builder.build().unwrap();
    let mut request = ask(0);
    request.stream_options = Some(StreamOptions::with_usage());
    let chunks: Vec<_> = mainstay.chat_stream(request).await.unwrap().collect().await;
    assert!(chunks.last().unwrap().as_ref().unwrap().usage.is_some());
}
