//! Embeddings by the same routes as chats.

use mainstay::{ChatRequest, EmbeddingRequest, Error, FaultKind, HasFault, Mainstay};
use mainstay_mock_openai::{MockOpenAi, ModelPlan, Plan, WholeFault};

async fn two(first: ModelPlan) -> (MockOpenAi, MockOpenAi, Mainstay) {
    let one = MockOpenAi::builder().plan(Plan::new().model("embedder", first)).start().await.unwrap();
    let other =
        MockOpenAi::builder().plan(Plan::new().model("embedder-b", ModelPlan::new())).start().await.unwrap();
    let toml = format!(
        r#"
        [retry]
        base = "1ms"
        [backends.one]
        base_url = {:?}
        [backends.other]
        base_url = {:?}
        [routes.embedder]
        tiers = [{{ models = [{{ on = "one" }}, {{ on = "other", model = "embedder-b" }}], strategy = "in_order" }}]
        "#,
        one.base_url(),
        other.base_url()
    );
    let mainstay = Mainstay::from_toml(&toml).unwrap();
    (one, other, mainstay)
}

fn ask() -> EmbeddingRequest {
    EmbeddingRequest::new("embedder", ["a licence", "a copyright"])
}

#[tokio::test]
async fn embeddings_come_with_a_report() {
    let (_one, _other, mainstay) = two(ModelPlan::new()).await;
    let reply = mainstay.embed(ask()).await.unwrap();
    assert_eq!(reply.data.len(), 2);
    assert_eq!(reply.report.served_by(), Some("one/embedder"));
    assert_eq!(reply.report.tokens(), reply.usage.as_ref().unwrap().total_tokens);
}

#[tokio::test]
async fn a_backend_that_fails_is_passed_by() {
    let (_one, other, mainstay) = two(ModelPlan::new().fault(WholeFault::InsufficientQuota, 1.0)).await;
    let reply = mainstay.embed(ask()).await.unwrap();
    assert_eq!(reply.report.served_by(), Some("other/embedder-b"));
    assert_eq!(reply.report.attempts[0].fault.unwrap().kind, FaultKind::QuotaExhausted);
    assert_eq!(other.stats().calls, 1);
}

#[tokio::test]
async fn a_model_without_a_route_is_not_found() {
    let (_one, _other, mainstay) = two(ModelPlan::new()).await;
    let failure = mainstay.embed(EmbeddingRequest::new("nobody", "a licence")).await.unwrap_err();
    assert_eq!(failure.fault().kind, FaultKind::ModelNotFound);
    assert_eq!(failure.to_string(), "there is no model \"nobody\"; there are embedder");
}

#[tokio::test]
async fn the_stack_is_a_service_of_embeddings_and_gives_it_out() {
    use tower::ServiceExt;

    let (one, _other, mainstay) = two(ModelPlan::new()).await;
    assert_eq!(mainstay.clone().oneshot(ask()).await.unwrap().data.len(), 2);
    assert_eq!(mainstay.embed_service().oneshot(ask()).await.unwrap().data.len(), 2);
    assert_eq!(one.stats().calls, 2);
}

async fn routed(plan: ModelPlan, tiers: &str) -> (MockOpenAi, Mainstay) {
    let mock = MockOpenAi::builder().plan(Plan::new().model("embedder", plan)).start().await.unwrap();
    let toml = format!(
        "[retry]\nretries = 0\n[backends.one]\nbase_url = {:?}\n[routes.embedder]\ntiers = [{tiers}]",
        mock.base_url()
    );
    (mock, Mainstay::from_toml(&toml).unwrap())
}

#[tokio::test]
async fn a_route_without_a_model_embeds_nothing_and_says_so() {
    let (mock, mainstay) = routed(ModelPlan::new(), r#"{ answer = "We are at it." }"#).await;
    let failure = mainstay.embed(ask()).await.unwrap_err();
    assert!(matches!(failure.error(), Error::NothingEmbeds { .. }), "{failure:?}");
    assert_eq!(failure.fault().kind, FaultKind::ModelNotFound);
    assert_eq!(failure.to_string(), "no tier of this route has a model, and only models embed");
    assert_eq!(mock.stats().calls, 0);
    let chat = mainstay.chat(ChatRequest::new("embedder").user("Hello?")).await.unwrap();
    assert_eq!(chat.text(), "We are at it.");
}

#[tokio::test]
async fn tiers_that_embed_nothing_are_no_tiers_to_give_way_to() {
    let tiers = r#"{ models = [{ on = "one" }] }, { answer = "We are at it." }"#;
    let (mock, mainstay) = routed(ModelPlan::new().fault(WholeFault::ServerError, 1.0), tiers).await;
    for _ in 0..40 {
        let failure = mainstay.embed(ask()).await.unwrap_err();
        assert_eq!(failure.fault().kind, FaultKind::Unavailable, "{failure}");
    }
    assert_eq!(mock.stats().calls, 40, "the last backend left is still tried");
}

/// An answer that is set is none to embeddings: what is below it is asked.
#[tokio::test]
async fn models_below_a_set_answer_embed() {
    let plan = Plan::new()
        .model("embedder", ModelPlan::new().fault(WholeFault::ServerError, 1.0))
        .model("embedder-b", ModelPlan::new());
    let mock = MockOpenAi::builder().plan(plan).start().await.unwrap();
    let toml = format!(
        r#"
        [retry]
        retries = 0
        [backends.one]
        base_url = {:?}
        [routes.embedder]
        tiers = [
            {{ models = [{{ on = "one" }}] }},
            {{ answer = "We are at it." }},
            {{ models = [{{ on = "one", model = "embedder-b" }}] }},
        ]
        "#,
        mock.base_url()
    );
    let mainstay = Mainstay::from_toml(&toml).unwrap();
    let reply = mainstay.embed(ask()).await.unwrap();
    assert_eq!(reply.report.served_by(), Some("one/embedder-b"));
    let chat = mainstay.chat(ChatRequest::new("embedder").user("Hello?")).await.unwrap();
    assert_eq!(chat.text(), "We are at it.");
}
