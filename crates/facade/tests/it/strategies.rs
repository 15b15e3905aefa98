//! How a configured tier chooses, and what it may spend.

use mainstay::{
    ChatRequest, Config, FaultKind, HasFault, Mainstay, Preset,
    openai::{ChatBody, Content, Message, Part, ResponseFormat, Tool},
};
use mainstay_mock_openai::MockOpenAi;
use serde_json::json;

/// A stack with one tier on one server: its strategy if there is a choice, and `models`, each the fields beside `on`.
async fn tier(settings: &str, strategy: &str, models: &[&str]) -> (MockOpenAi, Mainstay) {
    let mock = MockOpenAi::builder().start().await.unwrap();
    let mainstay = Mainstay::from_toml(&toml(&mock, settings, strategy, models)).unwrap();
    (mock, mainstay)
}

fn toml(mock: &MockOpenAi, settings: &str, strategy: &str, models: &[&str]) -> String {
    let models: Vec<_> = models.iter().map(|fields| format!("{{ on = \"mock\", {fields} }}")).collect();
    let strategy = if models.len() == 1 { String::new() } else { format!("strategy = {strategy}, ") };
    format!(
        "{settings}\n[backends.mock]\nbase_url = {:?}\n[routes.chat]\ntiers = [{{ {strategy}models = [{}] }}]",
        mock.base_url(),
        models.join(", ")
    )
}

fn ask(prompt: impl Into<String>) -> ChatRequest {
    ChatRequest::new("chat").user(prompt.into())
}

async fn served_by(mainstay: &Mainstay, request: ChatRequest) -> String {
    mainstay.chat(request).await.unwrap().report.served_by().unwrap().to_owned()
}

const GRADES: [&str; 3] =
    ["model = \"large\", grade = \"deep\"", "model = \"usual\"", "model = \"tiny\", grade = \"small\""];

#[tokio::test]
async fn complexity_chooses_the_grade_that_a_request_is_worth() {
    let tool = || Tool::function("look_up", "Looks it up.", json!({"type": "object", "properties": {}}));
    for strategy in ["\"complexity\"", "{ complexity = { standard_from = 0.3 } }"] {
        let (_mock, mainstay) = tier("", strategy, &GRADES).await;
        assert_eq!(served_by(&mainstay, ask("Hello?")).await, "mock/tiny");
        assert_eq!(served_by(&mainstay, ask("x".repeat(4_000))).await, "mock/usual");
        assert_eq!(
            served_by(&mainstay, ask("x".repeat(4_000)).tool(tool()).json_object()).await,
            "mock/large"
        );
    }
}

#[tokio::test]
async fn what_a_model_lacks_goes_elsewhere() {
    let models = ["model = \"blind\", lacks = [\"vision\"]", "model = \"dumb\", lacks = [\"streaming\"]"];
    let (mock, mainstay) = tier("", "\"in_order\"", &models).await;
    assert_eq!(served_by(&mainstay, ask("Hello?")).await, "mock/blind");
    let parts = Content::from([Part::text("What is this?"), Part::image("https://example.com/cat.png")]);
    let seen = ChatRequest::from(ChatBody::new("chat")).message(Message::user(parts));
    assert_eq!(served_by(&mainstay, seen.clone()).await, "mock/dumb");
    let nobody = mainstay.chat_stream(seen).await.unwrap_err();
    assert!(
        nobody.to_string().contains("mock/blind: cannot do vision; mock/dumb: cannot do streaming"),
        "{nobody}"
    );
    assert_eq!(mock.stats().calls, 2);
}

/// A request may name what is usual.
#[tokio::test]
async fn text_is_no_structured_output() {
    let (_mock, mainstay) = tier("", "", &["model = \"plain\", lacks = [\"structured_output\"]"]).await;
    let mut request = ask("Hello?");
    request.response_format = Some(ResponseFormat::Text);
    assert_eq!(served_by(&mainstay, request).await, "mock/plain");
    mainstay.chat(ask("Hello?").json_object()).await.unwrap_err();
}

#[tokio::test]
async fn a_budget_for_each_call_takes_the_best_that_fits() {
    let models = [
        "model = \"large\", grade = \"deep\", price = { input = 10, output = 30 }",
        "model = \"tiny\", grade = \"small\", price = { input = 0.1, output = 0.4 }",
    ];
    let (_mock, mainstay) = tier("", "{ cost_budget = { per_call = 0.001 } }", &models).await;
    assert_eq!(served_by(&mainstay, ask("Hello?").max_tokens(20)).await, "mock/large");
    assert_eq!(served_by(&mainstay, ask("Hello?").max_tokens(2_000)).await, "mock/tiny");
}

#[tokio::test]
async fn budgets_are_kept_by_user_and_survive_a_reload() {
    let budget = "budget = { dollars = 0.05, window = \"1d\", per_user = true }";
    let models = ["model = \"m\", price = { input = 0, output = 1000 }"];
    let (mock, mainstay) = tier(budget, "\"least_loaded\"", &models).await;
    let asked = |user: &str| {
        let mut request = ask("Hello?").max_tokens(45);
        request.extra.insert("user".to_owned(), user.into());
        request
    };
    let first = mainstay.chat(asked("ada")).await.unwrap();
    let spent = first.report.dollars().unwrap();
    assert!(
        spent > 0.0 && (mainstay.status().budgets[0].spent - spent).abs() < 1e-9,
        "settled on the real cost"
    );
    let toml = format!(
        "{budget}\n[backends.mock]\nbase_url = {:?}\n[routes.chat]\ntiers = [{{ models = [{{ on = \"mock\", {} }}] }}]",
        mock.base_url(),
        models[0]
    );
    mainstay.reload(&toml.parse::<Config>().unwrap()).unwrap();
    assert!((mainstay.status().budgets[0].spent - spent).abs() < 1e-9, "a reload gives nobody more money");
    let mut refused = None;
    for _ in 0..100 {
        refused = mainstay.chat(asked("ada")).await.err();
        if refused.is_some() {
            break;
        }
    }
    let refused = refused.expect("the budget ends");
    assert_eq!((refused.fault().kind, refused.report().attempts.len()), (FaultKind::Shed, 0), "{refused}");
    assert!(mainstay.chat(asked("eve")).await.is_ok(), "each user has one");
}

#[tokio::test]
async fn limits_of_one_model_are_one_limit_on_all_routes_and_after_a_reload() {
    let mock = MockOpenAi::builder().start().await.unwrap();
    let toml = format!(
        r#"
        max_wait = "1ms"
        [retry]
        retries = 0
        [backends.mock]
        base_url = {:?}
        [routes.one]
        tiers = [{{ models = [{{ on = "mock", model = "m", requests_per_minute = 4 }}] }}]
        [routes.other]
        tiers = [{{ models = [{{ on = "mock", model = "m" }}] }}]
        "#,
        mock.base_url()
    );
    let mainstay = Mainstay::from_toml(&toml).unwrap();
    for route in ["one", "other", "one"] {
        mainstay.chat(ChatRequest::new(route).user("Hello?")).await.unwrap();
    }
    mainstay.reload(&toml.parse().unwrap()).unwrap();
    assert_eq!(mainstay.status().limits[0].requests, Some(1));
    mainstay.chat(ChatRequest::new("other").user("Hello?")).await.unwrap();
    let fault = mainstay.chat(ChatRequest::new("one").user("Hello?")).await.unwrap_err().fault();
    assert_eq!((fault.kind, mock.stats().calls), (FaultKind::Shed, 4));

    let twice = toml.replace("model = \"m\" }", "model = \"m\", requests_per_minute = 5 }");
    let refused = Mainstay::from_toml(&twice).unwrap_err().to_string();
    assert!(
        refused.contains(
            "`routes.other.tiers[0].models[0].requests_per_minute` is 5, and elsewhere 4: \"m\" on \"mock\" has one such limit"
        ),
        "{refused}"
    );
}

#[tokio::test]
async fn what_is_found_when_the_stack_is_built_names_its_line_too() {
    let toml = "[backends.here]\nbase_url = \"http://127.0.0.1:1/v1\"\napi_key = { env = \"NO_SUCH_KEY\" }\n";
    let refused = Mainstay::from_toml(toml).unwrap_err().to_string();
    assert!(
        refused.starts_with("configuration, line 3: `backends.here.api_key` cannot be read"),
        "{refused}"
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stack.toml");
    std::fs::write(&path, toml).unwrap();
    let refused = Mainstay::from_path(&path).unwrap_err().to_string();
    assert!(refused.contains("stack.toml, line 3: `backends.here.api_key`"), "{refused}");
}

/// As a file that was cut short.
#[tokio::test]
async fn a_stack_without_a_route_is_none() {
    let cut = "[backends.here]\nbase_url = \"http://127.0.0.1:1/v1\"\n";
    let refused = Mainstay::from_toml(cut).unwrap_err().to_string();
    assert!(refused.contains("`routes` has none"), "{refused}");
    let whole = format!("{cut}[routes.chat]\ntiers = [{{ models = [{{ on = \"here\" }}] }}]");
    let mainstay = Mainstay::from_toml(&whole).unwrap();
    mainstay.reload(&cut.parse().unwrap()).unwrap_err();
}

#[test]
fn what_a_routes_retry_leaves_out_is_as_everywhere() {
    let seconds = std::time::Duration::from_secs;
    let settings = "preset = \"batch\"\n[retry]\nfactor = 3\nbudget = { ratio = 0.5 }";
    let toml =
        format!("{settings}\n[routes.x]\nretry = {{ retries = 1 }}\ntiers = [{{ answer = \"Later.\" }}]");
    let config = Config::from_toml(&toml).unwrap();
    let retry = config.routes["x"].retry.as_ref().unwrap();
    assert_eq!((retry.retries, retry.factor, retry.base, retry.cap), (1, 3.0, seconds(2), seconds(120)));
    assert_eq!(retry.budget, None, "it is that of all");
    assert_eq!(Config::from_toml(&config.to_toml().unwrap()).unwrap(), config);
    let refused = Config::from_toml(&toml.replace("retries = 1", "base = \"1h\"")).unwrap_err().to_string();
    assert!(refused.contains("line 6: `routes.x.retry.cap`"), "{refused}");
}

#[test]
fn a_preset_says_what_is_left_out() {
    let seconds = std::time::Duration::from_secs;
    let config = Config::from_toml("preset = \"batch\"\n[retry]\nretries = 1").unwrap();
    assert_eq!((config.retry.retries, config.retry.cap, config.deadline), (1, seconds(120), seconds(3_600)));
    assert_eq!(Config::from_toml(&config.to_toml().unwrap()).unwrap(), config);
    for preset in [Preset::Interactive, Preset::Batch] {
        assert_eq!(preset.config().preset, Some(preset));
        Mainstay::builder().base_url("http://127.0.0.1:1/v1").preset(preset).build().unwrap();
    }
    let refused = Config::from_toml("\npreset = \"quick\"").unwrap_err().to_string();
    assert!(
        refused.contains("line 2: `preset`: unknown variant `quick`, expected `interactive` or `batch`"),
        "{refused}"
    );
}

#[cfg(feature = "learned")]
mod learned {
    use mainstay::router::learned::{Dataset, Model, Recipe};

    use super::*;

    const STRONG_AND_WEAK: [&str; 2] = ["model = \"strong\"", "model = \"weak\""];

    /// What the weak model gets wrong is whatever speaks of proofs.
    fn data() -> Dataset {
        let mut data = Dataset::default();
        for n in 0..200 {
            data.push(format!("Greet visitor number {n}, please."), [("weak", 1.0), ("strong", 1.0)]);
            data.push(format!("Prove theorem {n} with full rigour."), [("weak", 0.0), ("strong", 1.0)]);
        }
        data
    }

    fn model() -> Model {
        Model::train(&data(), &Recipe::default().trees(20)).unwrap()
    }

    #[tokio::test]
    async fn what_past_calls_taught_chooses_and_learns_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("router.model");
        model().save(&path).unwrap();
        let strategy = format!("{{ learned = {{ model = {path:?}, share = 0.5, online = true }} }}");
        let (mock, mainstay) = tier("", &strategy, &STRONG_AND_WEAK).await;
        assert_eq!(served_by(&mainstay, ask("Greet visitor number 7, please.")).await, "mock/weak");
        assert_eq!(served_by(&mainstay, ask("Prove theorem 9 with full rigour.")).await, "mock/strong");
        let (route, chooser) = &mainstay.choosers()[0];
        assert_eq!(&**route, "chat");
        for _ in 0..300 {
            chooser.observe("Greet visitor number 7, please.", "weak", 0.0);
        }
        assert_eq!(served_by(&mainstay, ask("Greet visitor number 7, please.")).await, "mock/strong");

        // A reload leaves that as it is, and the handle teaches on; another file is another model.
        let config = |settings| toml(&mock, settings, &strategy, &STRONG_AND_WEAK).parse::<Config>().unwrap();
        mainstay.reload(&config("deadline = \"5m\"")).unwrap();
        assert_eq!(served_by(&mainstay, ask("Greet visitor number 7, please.")).await, "mock/strong");
        assert!(std::sync::Arc::ptr_eq(chooser, &mainstay.choosers()[0].1));
        Model::train(&data(), &Recipe::default().trees(10)).unwrap().save(&path).unwrap();
        mainstay.reload(&config("")).unwrap();
        assert_eq!(served_by(&mainstay, ask("Greet visitor number 7, please.")).await, "mock/weak");
    }

    #[tokio::test]
    async fn a_file_that_is_missing_is_an_error_or_a_warning() {
        let fields = ["model = \"strong\"", "model = \"weak\""];
        let (_mock, mainstay) =
            tier("", "{ learned = { model = \"/no/such.model\", falls_back = true } }", &fields).await;
        assert!(mainstay.chat(ask("Hello?")).await.is_ok());
        let toml = "[backends.m]\nbase_url = \"http://127.0.0.1:1/v1\"\n[routes.chat]\ntiers = [\n{ models = [{ on = \"m\" }, { on = \"m\", model = \"b\" }],\nstrategy = { learned = { model = \"/no/such.model\" } } }]";
        let refused = Mainstay::from_toml(toml).map(|_| ()).unwrap_err().to_string();
        assert!(refused.starts_with("configuration, line 6: `routes.chat.tiers[0].strategy.learned.model` is \"/no/such.model\": cannot use the model file"), "{refused}");
    }
}
