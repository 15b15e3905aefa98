//! Stacks that a program describes, and what it adds to a file's.

use std::{sync::Arc, time::Duration};

use mainstay::{
    BudgetConfig, Builder, ChatRequest, ChatResponse, Config, FaultKind, HasFault, Mainstay, RetryPolicy,
    RouteConfig, ServedConfig, StrategyConfig, Tier, TierConfig,
    bucket::Limits,
    router::{Candidate, Profile, strategy::by_fn},
};
use mainstay_mock_openai::{MockOpenAi, ModelPlan, Plan, WholeFault};

const HOUR: Duration = Duration::from_secs(3_600);

async fn mock(fault: Option<WholeFault>) -> MockOpenAi {
    let plan = fault.map_or_else(ModelPlan::new, |fault| ModelPlan::new().fault(fault, 1.0));
    MockOpenAi::builder().plan(Plan::new().default_model(plan)).start().await.unwrap()
}

/// A builder with the backends `one` and `other`.
fn two(one: &MockOpenAi, other: &MockOpenAi) -> Builder {
    let (one, other) = (one.base_url(), other.base_url());
    Mainstay::builder()
        .backend("one", move |client| client.base_url(one.as_str()))
        .backend("other", move |client| client.base_url(other.as_str()))
}

/// A file with one backend and one route, `m`.
fn file(mock: &MockOpenAi, settings: &str, tiers: &str) -> Config {
    let url = mock.base_url();
    let text = format!("{settings}\n[backends.one]\nbase_url = {url:?}\n[routes.m]\ntiers = [{tiers}]");
    Config::from_toml(&text).unwrap()
}

const MODEL: &str = r#"{ models = [{ on = "one" }] }"#;

fn both() -> TierConfig {
    TierConfig::models([ServedConfig::on("one").model("m1"), ServedConfig::on("other").model("m2")])
}

fn ask(model: &str) -> ChatRequest {
    ChatRequest::new(model).user("Hello?")
}

async fn served_by(mainstay: &Mainstay, model: &str) -> String {
    mainstay.chat(ask(model)).await.unwrap().report.served_by().unwrap().to_owned()
}

fn once() -> RetryPolicy {
    RetryPolicy::default().retries(0)
}

/// Whatever is last in the list.
fn last() -> impl mainstay::router::strategy::Strategy {
    by_fn(|candidate: &Candidate<'_>, _: &Profile<'_>| -f64::from(candidate.id().0))
}

fn by_rules(name: &str) -> Tier {
    Tier::rules(name.to_owned(), |_| Ok(ChatResponse::from_text("rules", "by rules")))
}

#[tokio::test]
async fn backends_and_routes_need_no_file() {
    let (one, other) = (mock(Some(WholeFault::ServerError)).await, mock(None).await);
    let route = RouteConfig::new().alias("talk").tier(both().strategy(StrategyConfig::InOrder));
    let below = RouteConfig::new().tier(ServedConfig::on("one")).tier(TierConfig::answer("We are at it."));
    let mainstay =
        two(&one, &other).route("chat", route).route("sorry", below).default_route("chat").build().unwrap();
    assert_eq!(mainstay.models(), ["chat", "sorry", "talk"]);
    for model in ["chat", "talk", "whatever"] {
        assert_eq!(served_by(&mainstay, model).await, "other/m2", "{model}");
    }
    assert_eq!(mainstay.chat(ask("sorry")).await.unwrap().text(), "We are at it.");
    assert_eq!(mainstay.clients().keys().collect::<Vec<_>>(), ["one", "other"]);
}

#[tokio::test]
async fn limits_weights_and_budgets_need_no_file() {
    let (one, other) = (mock(None).await, mock(None).await);
    let models = [
        ServedConfig::on("one").model("m1").weight(3).price(0.0, 1_000.0),
        ServedConfig::on("other").model("m2").in_flight(7).price(0.0, 1_000.0),
    ];
    let route = RouteConfig::new().tier(TierConfig::models(models).strategy(StrategyConfig::Weighted));
    let builder = two(&one, &other).route("chat", route);
    let mainstay = builder.budget(BudgetConfig::new(1.0, HOUR)).build().unwrap();
    for _ in 0..8 {
        mainstay.chat(ask("chat").max_tokens(45)).await.unwrap();
    }
    assert_eq!((one.stats().calls, other.stats().calls), (6, 2));
    assert_eq!(mainstay.limits()["other/m2"].in_flight_available(), Some(7));
    assert!(mainstay.status().budgets[0].spent > 0.0);
    let refused = mainstay.chat(ask("chat").max_tokens(1_001)).await.unwrap_err();
    assert_eq!(refused.fault().kind, FaultKind::Shed, "{refused}");
}

#[tokio::test]
async fn a_strategy_of_ones_own_chooses_by_its_name_also_after_a_reload() {
    let mock = mock(None).await;
    let tiers = r#"{ strategy = { own = "last" }, models = [{ on = "one", model = "a" }, { on = "one", model = "b" }] }"#;
    let config = file(&mock, "", tiers);
    let mainstay = Mainstay::builder().config(config.clone()).own_strategy("last", last()).build().unwrap();
    assert_eq!(served_by(&mainstay, "m").await, "one/b");
    mainstay.reload(&file(&mock, "", &tiers.replace("\"b\"", "\"c\""))).unwrap();
    assert_eq!(served_by(&mainstay, "m").await, "one/c");

    let error = Mainstay::builder().config(config.clone()).own_strategy("first", last()).build().unwrap_err();
    assert_eq!(
        error.to_string(),
        "configuration, line 5: `routes.m.tiers[0].strategy.own` is \"last\", and the program brings no such strategy; it brings first"
    );
    let error = Mainstay::from_config(config).unwrap_err().to_string();
    assert!(error.contains("brings no strategy of its own: `Builder::own_strategy` does"), "{error}");
}

#[tokio::test]
async fn a_tier_of_ones_own_answers_by_its_name_also_after_a_reload() {
    let mock = mock(Some(WholeFault::ServerError)).await;
    let config = file(&mock, "", &format!("{MODEL}, {{ own = \"by rules\" }}"));
    let builder = || Mainstay::builder().config(config.clone()).retry(once());
    let mainstay = builder().own_tier(by_rules("by rules")).build().unwrap();
    for _ in 0..2 {
        let reply = mainstay.chat(ask("m")).await.unwrap();
        assert_eq!((reply.text().as_ref(), reply.report.tier.as_deref()), ("by rules", Some("by rules")));
        mainstay.reload(&config).unwrap();
    }
    let error = builder().own_tier(by_rules("by hand")).build().unwrap_err().to_string();
    assert!(
        error.contains(
            "`routes.m.tiers[1].own` is \"by rules\", and the program brings no such tier; it brings by hand"
        ),
        "{error}"
    );
}

#[tokio::test]
async fn settings_beside_a_file_count_before_it() {
    let mock = mock(Some(WholeFault::ServerError)).await;
    let config = file(&mock, "[retry]\nretries = 7\nbase = \"1ms\"\ncap = \"1ms\"", MODEL);
    let builder = || Mainstay::builder().config(config.clone());
    let alone = builder().retry(once()).build().unwrap();
    assert_eq!(alone.chat(ask("m")).await.unwrap_err().report().attempts.len(), 1);
    alone.reload(&config).unwrap();
    assert_eq!(alone.chat(ask("m")).await.unwrap_err().report().attempts.len(), 1, "also after a reload");

    let sorry = builder().retry(once()).tier(Tier::answer("sorry", "We are at it.")).build().unwrap();
    assert_eq!(sorry.chat(ask("m")).await.unwrap().text(), "We are at it.");
    sorry.reload(&config).unwrap();
    assert_eq!(sorry.chat(ask("m")).await.unwrap().text(), "We are at it.");
}

#[tokio::test]
async fn what_is_set_beside_a_file_is_kept() {
    let silent = mock(Some(WholeFault::Hang)).await;
    let beside = Mainstay::builder().deadline(Duration::from_millis(50));
    let mainstay = beside.config(file(&silent, "deadline = \"3h\"", MODEL)).build().unwrap();
    assert_eq!(mainstay.chat(ask("m")).await.unwrap_err().fault().kind, FaultKind::Timeout);

    let mock = mock(None).await;
    let config = file(&mock, "", MODEL);
    let mainstay = Mainstay::builder().config(config.clone()).idempotency(HOUR, 10).build().unwrap();
    for replayed in [false, true] {
        let reply = mainstay.chat(ask("m").key("order-17")).await.unwrap();
        assert_eq!(reply.report.replayed.is_some(), replayed);
    }
    let priced = MODEL.replace("\"one\"", "\"one\", price = { input = 1, output = 1 }");
    let builder = Mainstay::builder().config(file(&mock, "", &priced));
    let mainstay = builder.budget(BudgetConfig::new(0.0, HOUR)).build().unwrap();
    assert_eq!(mainstay.chat(ask("m")).await.unwrap_err().fault().kind, FaultKind::Shed);

    let route = RouteConfig::new().tier(ServedConfig::on("one").model("another"));
    let mainstay = Mainstay::builder().config(config).route("m", route).build().unwrap();
    assert_eq!(served_by(&mainstay, "m").await, "one/another", "a route in the place of the file's");
}

#[tokio::test]
async fn a_backend_of_a_file_is_set_up_further_by_code() {
    let plan = Plan::new().key("sk-right");
    let mock = MockOpenAi::builder().plan(plan).start().await.unwrap();
    let config = file(&mock, "", MODEL);
    let keyless = Mainstay::from_config(config.clone()).unwrap();
    assert_eq!(keyless.chat(ask("m")).await.unwrap_err().fault().kind, FaultKind::Auth);
    let mainstay = Mainstay::builder()
        .config(config.clone())
        .backend("one", |client| client.api_key("sk-right"))
        .build()
        .unwrap();
    assert_eq!(served_by(&mainstay, "m").await, "one/m");
    mainstay.reload(&config).unwrap();
    assert_eq!(served_by(&mainstay, "m").await, "one/m");
}

#[tokio::test]
async fn a_header_is_fetched_from_where_it_is() {
    let mock = MockOpenAi::builder().plan(Plan::new().key("sk-right")).start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("header");
    std::fs::write(&path, "Bearer sk-right\n").unwrap();
    let text = |path: &std::path::Path| {
        format!(
            "[backends.one]\nbase_url = {:?}\nheaders = {{ authorization = {{ file = {path:?} }} }}\n[routes.m]\ntiers = [{MODEL}]",
            mock.base_url()
        )
    };
    assert_eq!(served_by(&Mainstay::from_toml(&text(&path)).unwrap(), "m").await, "one/m");
    let error = Mainstay::from_toml(&text(&folder.path().join("nowhere"))).unwrap_err().to_string();
    assert!(
        error.starts_with("configuration, line 3: `backends.one.headers.authorization` cannot be read: "),
        "{error}"
    );
}

#[cfg(feature = "redb")]
#[tokio::test]
async fn keys_are_kept_in_a_store_of_ones_own_beside_a_file() {
    use mainstay::{ServedCodec, idempotency::Redb};

    let (mock, folder) = (mock(None).await, tempfile::tempdir().unwrap());
    let config = file(&mock, "[idempotency]\nttl = \"1h\"", MODEL);
    for replayed in [false, true] {
        let keys = Redb::open(folder.path().join("keys.redb")).unwrap().codec(ServedCodec);
        let mainstay = Mainstay::builder().config(config.clone()).idempotency_store(keys).build().unwrap();
        let reply = mainstay.chat(ask("m").key("order-17")).await.unwrap();
        assert_eq!(reply.report.replayed.is_some(), replayed);
        mainstay.close().await;
    }
    let keys = Redb::open(folder.path().join("keys.redb")).unwrap().codec(ServedCodec);
    let error =
        Mainstay::builder().config(file(&mock, "", MODEL)).idempotency_store(keys).build().unwrap_err();
    assert!(error.to_string().starts_with("builder: `idempotency_store` keeps nothing"), "{error}");
}

#[tokio::test]
async fn a_setting_that_would_do_nothing_is_refused_by_its_name() {
    let mock = mock(None).await;
    let file = || Mainstay::builder().config(file(&mock, "", MODEL));
    let single = || Mainstay::builder().base_url("http://127.0.0.1:1/v1");
    let limits = || Arc::new(Limits::default().requests_per_minute(1).unwrap());
    let cases = [
        (file().base_url("http://127.0.0.1:1/v1"), "builder: `client` (also base_url, api_key)"),
        (file().limits("m", limits()), "builder: `limits` are of the only backend"),
        (file().tier(Tier::model("m2")), "builder: `tier` is another model of the only backend"),
        (file().own_tier(Tier::model("m2")), "builder: `own_tier` is another model"),
        (Mainstay::builder().backend("a", |client| client), "builder: `backend` is led to by no route"),
        (single().budget(BudgetConfig::new(1.0, HOUR)), "builder: `budget` needs to know"),
        (single().default_route("m"), "builder: `default_route` names a route"),
        (single().own_tier(by_rules("r")), "builder: `own_tier` is for routes"),
        (single().own_strategy("last", last()), "builder: `own_strategy` is for routes"),
        (
            single().deadline(Duration::from_secs(1)).attempt_timeout(Duration::from_secs(2)),
            "configuration: `attempt_timeout` is 2s, longer than the deadline of 1s",
        ),
        (
            Mainstay::builder().route("m", RouteConfig::new().tier(ServedConfig::on("nobody"))),
            "configuration: `routes.m.tiers[0].models[0].on` is \"nobody\", and there is no backend at all",
        ),
    ];
    for (builder, expected) in cases {
        let error = builder.build().unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}\nis not {expected}");
    }
}

#[tokio::test]
async fn general_settings_of_a_file_hold_for_the_only_backend_too() {
    let mock = mock(Some(WholeFault::ServerError)).await;
    let general = Config::from_toml("[retry]\nretries = 0").unwrap();
    let mainstay = Mainstay::builder().base_url(mock.base_url()).config(general).build().unwrap();
    assert_eq!(mainstay.chat(ask("whatever")).await.unwrap_err().report().attempts.len(), 1);
}
