//! What is too long for one model, or refused by its policy, and where it goes from there.

use mainstay::{ChatRequest, EmbeddingRequest, FaultKind, HasFault, Mainstay, Tier};
use mainstay_mock_openai::{Dialect, MockOpenAi, ModelPlan, Plan, WholeFault};

/// One server with models whose windows hold so many tokens, or that refuse all by policy (`filters`).
async fn server() -> MockOpenAi {
    let window = |tokens| ModelPlan::new().context_window(tokens);
    let filters = ModelPlan::new().fault(WholeFault::ContentFilter(Dialect::default()), 1.0);
    let plan = Plan::new()
        .model("small", window(200))
        .model("medium", window(400))
        .model("large", window(100_000))
        .model("filters", filters);
    MockOpenAi::builder().plan(plan).start().await.unwrap()
}

fn stack(mock: &MockOpenAi, settings: &str, tiers: &[&str]) -> Mainstay {
    let tiers: Vec<_> =
        tiers.iter().map(|models| format!("{{ models = [{models}], strategy = \"in_order\" }}")).collect();
    let toml = format!(
        "[retry]\nbase = \"1ms\"\n[backends.x]\nbase_url = {:?}\n[routes.m]\n{settings}\ntiers = [{}]",
        mock.base_url(),
        tiers.join(", ")
    );
    Mainstay::from_toml(&toml).unwrap()
}

fn long() -> ChatRequest {
    ChatRequest::new("m").user("word ".repeat(2_000))
}

/// The models that were asked in turn, and whether the last one answered.
async fn asked(mainstay: &Mainstay, request: ChatRequest) -> (Vec<String>, Result<(), FaultKind>) {
    let (attempts, outcome) = match mainstay.chat(request).await {
        Ok(reply) => (reply.report.attempts.clone(), Ok(())),
        Err(failure) => (failure.report().attempts.clone(), Err(failure.fault().kind)),
    };
    (attempts.iter().map(|attempt| attempt.backend.trim_start_matches("x/").to_owned()).collect(), outcome)
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn an_overlong_call_goes_on_to_the_next_tier_whose_window_is_larger() {
    let mock = server().await;
    // The windows are larger than what the server takes, so that it is the server that says no.
    let small = "{ on = \"x\", model = \"small\", context_window = 8000 }";
    let medium = "{ on = \"x\", model = \"medium\", context_window = 16000 }";
    let large = "{ on = \"x\", model = \"large\", context_window = 32000 }";
    let any = "{ on = \"x\", model = \"large\" }";
    for (tiers, expected) in [
        (&[small, large][..], &["small", "large"][..]),
        (&[small, any], &["small", "large"]),
        (&[small, medium, large], &["small", "medium", "large"]),
        (&[medium, small, large], &["medium", "large"]),
    ] {
        let mainstay = stack(&mock, "", tiers);
        assert_eq!(asked(&mainstay, long()).await, (names(expected), Ok(())));
        mainstay.chat_stream(long()).await.unwrap();
    }
    let both = format!("{small}, {large}");
    assert_eq!(asked(&stack(&mock, "", &[&both]), long()).await, (names(&["small", "large"]), Ok(())));

    let unknown = "{ on = \"x\", model = \"small\" }";
    for tiers in [&[medium, small][..], &[unknown, any], &[unknown, large]] {
        let (attempts, outcome) = asked(&stack(&mock, "", tiers), long()).await;
        assert_eq!((attempts.len(), outcome), (1, Err(FaultKind::ContextLength)), "{tiers:?}");
    }
}

/// Of several models, that counts which found the call too long.
#[tokio::test]
async fn a_tiers_largest_window_does_not_count_where_a_smaller_one_was_too_small() {
    let down = ModelPlan::new().fault(WholeFault::ServerError, 1.0);
    let plan = Plan::new().model("small", ModelPlan::new().context_window(200)).model("down", down);
    let mock = MockOpenAi::builder().plan(plan).start().await.unwrap();
    let model = |name: &str, window: &str| format!("{{ on = \"x\", model = {name:?}{window} }}");
    for window in [", context_window = 32000", ""] {
        let first = [model("down", window), model("small", ", context_window = 8000")].join(", ");
        let tiers = [first.as_str(), &model("spare", ", context_window = 32000")];
        let expected = names(&["down", "small", "spare"]);
        assert_eq!(asked(&stack(&mock, "retry = { retries = 1 }", &tiers), long()).await, (expected, Ok(())));
    }
}

/// A tier that is down says nothing of windows: those of the tiers that found the call too long count.
#[tokio::test]
async fn a_tier_that_failed_otherwise_does_not_keep_an_overlong_call_from_the_next() {
    let down = ModelPlan::new().fault(WholeFault::ServerError, 1.0);
    let plan = Plan::new().model("small", ModelPlan::new().context_window(200)).model("down", down);
    let mock = MockOpenAi::builder().plan(plan).start().await.unwrap();
    let small = "{ on = \"x\", model = \"small\", context_window = 8000 }";
    for window in ["", ", context_window = 32000"] {
        let [down, large] =
            ["down", "large"].map(|model| format!("{{ on = \"x\", model = {model:?}{window} }}"));
        let mainstay = stack(&mock, "retry = { retries = 0 }", &[small, &down, &large]);
        assert_eq!(asked(&mainstay, long()).await, (names(&["small", "down", "large"]), Ok(())));
        mainstay.chat_stream(long()).await.unwrap();

        let texts = EmbeddingRequest::new("m", "word ".repeat(2_000));
        let report = mainstay.embed(texts).await.unwrap().report.clone();
        let asked: Vec<_> = report.attempts.iter().map(|attempt| &*attempt.backend).collect();
        assert_eq!(asked, ["x/small", "x/down", "x/large"]);
    }
}

#[tokio::test]
async fn a_refusal_by_policy_is_routed_around_only_if_asked() {
    let mock = server().await;
    let filters = "{ on = \"x\", model = \"filters\" }";
    let other = "{ on = \"x\", model = \"other\" }";
    let both = format!("{filters}, {other}");
    let ask = || ChatRequest::new("m").user("Hello?");
    for tiers in [&[filters, other][..], &[&both]] {
        let refused = asked(&stack(&mock, "", tiers), ask()).await;
        assert_eq!(refused, (names(&["filters"]), Err(FaultKind::ContentFiltered)));
        let around = stack(&mock, "around_filters = true", tiers);
        assert_eq!(asked(&around, ask()).await, (names(&["filters", "other"]), Ok(())));
        around.chat_stream(ask()).await.unwrap();
    }
}

#[tokio::test]
async fn a_tier_of_another_model_takes_over_what_it_is_told_to() {
    let mock = server().await;
    let built = |tier: Tier| Mainstay::builder().base_url(mock.base_url()).tier(tier).build().unwrap();
    let long = || {
        let mut request = long();
        request.model = "small".to_owned();
        request
    };
    let usual = built(Tier::model("large"));
    assert_eq!(usual.chat(long()).await.unwrap_err().fault().kind, FaultKind::ContextLength);
    let told = built(Tier::model("large").accepts(|fault| fault.kind == FaultKind::ContextLength));
    assert_eq!(told.chat(long()).await.unwrap().model, "large");
    told.chat_stream(long()).await.unwrap();
}

#[tokio::test]
async fn tiers_share_what_a_call_pays_for_retries() {
    let down = ModelPlan::new().fault(WholeFault::ServerError, 1.0);
    let plan = Plan::new().model("a", down.clone()).model("b", down);
    let mock = MockOpenAi::builder().plan(plan).start().await.unwrap();
    let tiers = ["a", "b"].map(|model| format!("{{ on = \"x\", model = \"{model}\" }}"));
    let settings = "retry = { base = \"1ms\", retries = 5, budget = { ratio = 1, floor = 0, burst = 1 } }";
    let mainstay = stack(&mock, settings, &[&tiers[0], &tiers[1]]);
    for _ in 0..5 {
        let (attempts, outcome) = asked(&mainstay, ChatRequest::new("m").user("Hello?")).await;
        assert_eq!(
            (attempts, outcome),
            (names(&["a", "a", "b"]), Err(FaultKind::Unavailable)),
            "one retry for one call"
        );
    }
}
