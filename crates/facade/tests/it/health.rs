//! What one call learns of a backend spares all others.

use std::time::Duration;

use futures_util::StreamExt;
use mainstay::{ChatRequest, EmbeddingRequest, FaultKind, HasFault, Mainstay};
use mainstay_mock_openai::{Latency, MockOpenAi, ModelPlan, Plan, RetryAfter, WholeFault};

async fn server(plan: ModelPlan) -> MockOpenAi {
    MockOpenAi::builder().plan(Plan::new().model("m", plan)).start().await.unwrap()
}

fn always(fault: WholeFault) -> ModelPlan {
    ModelPlan::new().fault(fault, 1.0)
}

fn ask(route: &str) -> ChatRequest {
    ChatRequest::new(route).user("What is a mainstay?")
}

/// Routes `one` and `other`, both of the tiers `tiers` over `a` and `b`, which serve the model `m`.
async fn stack(plans: [ModelPlan; 2], tiers: &str) -> ([MockOpenAi; 2], Mainstay) {
    let [a, b] = plans;
    let mocks = [server(a).await, server(b).await];
    let [a, b] = [mocks[0].base_url(), mocks[1].base_url()];
    let toml = format!(
        r#"
        [retry]
        base = "1ms"
        [backends.a]
        base_url = {a:?}
        [backends.b]
        base_url = {b:?}
        [routes.one]
        tiers = [{tiers}]
        [routes.other]
        tiers = [{tiers}]
        "#
    );
    (mocks, Mainstay::from_toml(&toml).unwrap())
}

const BOTH: &str =
    r#"{ models = [{ on = "a", model = "m" }, { on = "b", model = "m" }], strategy = "in_order" }"#;
const TWO_TIERS: &str =
    r#"{ models = [{ on = "a", model = "m" }] }, { models = [{ on = "b", model = "m" }] }"#;
const ALONE: &str = r#"{ models = [{ on = "a", model = "m" }] }"#;

async fn streamed(mainstay: &Mainstay, route: &str) {
    let mut stream = mainstay.chat_stream(ask(route)).await.unwrap();
    while let Some(chunk) = stream.next().await {
        chunk.unwrap();
    }
}

#[tokio::test]
async fn chats_streams_and_all_routes_learn_it_once() {
    for fault in [
        WholeFault::InsufficientQuota,
        WholeFault::PaymentRequired,
        WholeFault::Unauthorized,
        WholeFault::ModelNotFound,
        WholeFault::RateLimited(RetryAfter::raw("50")),
    ] {
        // Where there is no other in the tier, a call waits in the line of the limit for as long as it may.
        let waits = matches!(fault, WholeFault::RateLimited(_));
        for tiers in [BOTH, TWO_TIERS].into_iter().take(if waits { 1 } else { 2 }) {
            let (mocks, mainstay) = stack([always(fault.clone()), ModelPlan::new()], tiers).await;
            for route in ["one", "other"] {
                streamed(&mainstay, route).await;
                mainstay.chat(ask(route)).await.unwrap();
            }
            let seen = mocks.each_ref().map(|mock| mock.stats().calls);
            assert_eq!(seen, [1, 4], "{fault:?}, {tiers}");
        }
    }
}

#[tokio::test]
async fn one_breaker_counts_the_failures_of_chats_and_streams_on_all_routes() {
    let (mocks, mainstay) = stack([always(WholeFault::ServerError), ModelPlan::new()], BOTH).await;
    for n in 0..40 {
        let route = if n % 2 == 0 { "one" } else { "other" };
        if n % 4 < 2 {
            mainstay.chat(ask(route)).await.unwrap();
        } else {
            streamed(&mainstay, route).await;
        }
    }
    assert_eq!(mocks[0].stats().calls, 10, "as many as it takes");
    let broken = mainstay.status().backends.into_iter().filter(|backend| !backend.is_up());
    let mut told: Vec<_> = broken.map(|it| format!("{} {} {}", it.route, it.operation, it.backend)).collect();
    told.sort_unstable();
    assert_eq!(told, ["one chat a/m", "one chat_stream a/m", "other chat a/m", "other chat_stream a/m"]);
}

#[tokio::test]
async fn a_backend_that_is_alone_is_set_aside_for_money_keys_and_missing_models() {
    for (fault, kind) in [
        (WholeFault::InsufficientQuota, FaultKind::QuotaExhausted),
        (WholeFault::Unauthorized, FaultKind::Auth),
        (WholeFault::ModelNotFound, FaultKind::ModelNotFound),
    ] {
        let (mocks, mainstay) = stack([always(fault), ModelPlan::new()], ALONE).await;
        let first = mainstay.chat(ask("one")).await.unwrap_err();
        assert_eq!((first.fault().kind, first.report().attempts.len()), (kind, 1), "{first}");
        assert!(matches!(first.error(), mainstay::Error::Call(_)), "the server's own words: {first:?}");
        let spared = mainstay.chat(ask("other")).await.unwrap_err();
        assert_eq!((spared.fault().kind, spared.report().attempts.len()), (kind, 0), "{spared}");
        let wait = spared.fault().retry_after.unwrap().as_secs();
        assert!((290..=300).contains(&wait), "a truthful Retry-After: {spared}");
        assert_eq!(mainstay.chat_stream(ask("one")).await.unwrap_err().fault().kind, kind);
        assert_eq!(mocks[0].stats().calls, 1);
        let told = mainstay.status().backends;
        assert!(
            told.iter()
                .filter(|it| it.operation != "embeddings")
                .all(|it| it.set_aside == Some(kind.as_str()))
        );
        let embedded = mainstay.embed(EmbeddingRequest::new("one", "mainstay")).await;
        assert_ne!(
            embedded.map_err(|failed| failed.report().attempts.len()).err(),
            Some(0),
            "it is asked for these"
        );
    }
}

#[tokio::test]
async fn a_backend_that_is_alone_is_still_tried_when_it_is_broken() {
    let (mocks, mainstay) = stack([always(WholeFault::ServerError), ModelPlan::new()], ALONE).await;
    for _ in 0..30 {
        assert_eq!(mainstay.chat(ask("one")).await.unwrap_err().fault().kind, FaultKind::Unavailable);
    }
    assert!(mocks[0].stats().calls >= 30);
    let told = mainstay.status().backends;
    assert_eq!((told[0].backend.as_str(), told[0].set_aside), ("a/m", Some("unavailable")), "and it shows");
}

#[tokio::test]
async fn a_model_that_is_missing_sets_no_server_aside_that_is_asked_for_any() {
    let plan = Plan::new().model("typo", always(WholeFault::ModelNotFound));
    let mock = MockOpenAi::builder().plan(plan).start().await.unwrap();
    let built = |tier: Option<&str>| {
        let builder = Mainstay::builder().base_url(mock.base_url());
        match tier {
            Some(text) => builder.tier(mainstay::Tier::answer("sorry", text)),
            None => builder,
        }
        .build()
        .unwrap()
    };
    for mainstay in [built(None), built(Some("later"))] {
        let _ = mainstay.chat(ask("typo")).await;
        assert_ne!(mainstay.chat(ask("m")).await.unwrap().text(), "later");
        assert!(mainstay.status().backends.iter().all(mainstay::BackendStatus::is_up));
    }
}

#[tokio::test(start_paused = true)]
async fn a_backend_is_not_blamed_for_a_reader_who_lets_the_deadline_pass() {
    let seconds = Duration::from_secs;
    for (per_token, away, blamed) in [(seconds(1) / 10, 31, false), (seconds(10), 0, true)] {
        let mock = server(ModelPlan::new().per_token(Latency::Constant(per_token))).await;
        let builder = Mainstay::builder().base_url(mock.base_url()).deadline(seconds(30));
        let mainstay = builder.between_tokens_timeout(seconds(20)).build().unwrap();
        let mut stream = mainstay.chat_stream(ask("m")).await.unwrap();
        stream.next().await.unwrap().unwrap();
        tokio::time::sleep(seconds(away)).await;
        let items: Vec<_> = stream.collect().await;
        let fault = items.last().unwrap().as_ref().unwrap_err().fault();
        assert_eq!((fault.kind, fault.unread), (FaultKind::Interrupted, !blamed));
        let counted = mainstay.status().backends.iter().any(|backend| backend.failure_ratio > 0.0);
        assert_eq!(counted, blamed, "{:?}", mainstay.status());
    }
}
