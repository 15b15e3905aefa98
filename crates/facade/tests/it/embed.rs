//! Embeddings by the same routes as chats.

use mainstay::{EmbeddingRequest, FaultKind, HasFault, Mainstay};
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
