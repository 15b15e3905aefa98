//! Requests that the server itself refuses, and the paths that it knows.

use mainstay_mock_openai::{Plan, UnknownModels};
use serde_json::json;

use crate::support::{chat, get, post, prompt, send, start, with};

#[tokio::test]
async fn a_body_that_is_no_json_is_refused_in_openais_words() {
    let mock = start(Plan::new()).await;
    let refusal = send(mock.addr(), "POST", "/v1/chat/completions", "", "{\"model\":").await;
    assert_eq!(refusal.status(), 400);
    assert_eq!(refusal.json()["error"]["type"], "invalid_request_error");
    let message = refusal.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("We could not parse the JSON body of your request."), "{message}");
}

#[tokio::test]
async fn a_field_that_is_missing_or_of_the_wrong_type_is_named() {
    let mock = start(Plan::new()).await;
    let cases = [
        (json!({"messages": [{"role": "user", "content": "x"}]}), "'model'"),
        (json!({"model": "gpt-4o"}), "'messages'"),
        (json!({"model": "gpt-4o", "messages": []}), "'messages'"),
        (with(prompt("x"), &json!({"n": 0})), "'n'"),
        (with(prompt("x"), &json!({"max_tokens": "many"})), "invalid type: string \"many\""),
    ];
    for (request, named) in cases {
        let refusal = chat(&mock, &request).await;
        assert_eq!(refusal.status(), 400);
        let message = refusal.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(named), "{message}");
    }
    assert_eq!(mock.stats().outcome("invalid_request"), 5);
}

#[tokio::test]
async fn content_may_be_parts_or_null() {
    let mock = start(Plan::new()).await;
    let parts = json!([{"type": "text", "text": "Two "}, {"type": "image_url", "image_url": {}}, {"type": "text", "text": "parts"}]);
    let request = json!({"model": "gpt-4o", "messages": [{"role": "assistant", "content": null}, {"role": "user", "content": parts}]});
    assert!(chat(&mock, &request).await.content().contains("“Two parts”"));
}

#[tokio::test]
async fn a_model_that_nobody_listed_is_served_or_refused_as_planned() {
    let mock = start(Plan::new()).await;
    assert_eq!(chat(&mock, &prompt("x")).await.status(), 200);
    let strict = start(Plan::new().unknown_models(UnknownModels::NotFound)).await;
    let refusal = chat(&strict, &prompt("x")).await;
    assert_eq!((refusal.status(), refusal.error_code().as_str()), (404, "model_not_found"));
}

#[tokio::test]
async fn chat_is_found_on_all_its_paths() {
    let mock = start(Plan::from_toml("unknown_models = \"404\"\n[models.gpt-4o]").unwrap()).await;
    for path in [
        "/v1/chat/completions",
        "/chat/completions",
        "/openai/v1/chat/completions",
        "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21",
    ] {
        assert_eq!(post(mock.addr(), path, &prompt("x")).await.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn an_azure_deployment_names_the_model() {
    let mock = start(Plan::new()).await;
    let request = json!({"messages": [{"role": "user", "content": "x"}]});
    let path = "/openai/deployments/mine/chat/completions?api-version=2024-10-21";
    assert_eq!(post(mock.addr(), path, &request).await.json()["model"], "mine");
    assert_eq!(mock.stats().by_model["mine"], 1);
}

#[tokio::test]
async fn an_unknown_path_is_404_and_a_wrong_method_405() {
    let mock = start(Plan::new()).await;
    let unknown = get(mock.addr(), "/v1/nothing").await;
    assert_eq!(unknown.status(), 404);
    assert_eq!(unknown.json()["error"]["message"], "Invalid URL (GET /v1/nothing)");
    let wrong = get(mock.addr(), "/v1/chat/completions").await;
    assert_eq!((wrong.status(), wrong.header("allow").unwrap().as_str()), (405, "POST"));
    assert_eq!(mock.stats().calls, 0, "neither is a call");
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_413() {
    let mock = start(Plan::new().max_body_bytes(1000)).await;
    assert_eq!(chat(&mock, &prompt(&"x".repeat(500))).await.status(), 200);
    assert_eq!(chat(&mock, &prompt(&"x".repeat(500_000))).await.status(), 413);
    assert_eq!(mock.stats().outcome("too_large"), 1);
}

#[tokio::test]
async fn health_and_statistics_are_json() {
    let mock = start(Plan::new()).await;
    assert_eq!(get(mock.addr(), "/healthz").await.json(), json!({"status": "ok"}));
    chat(&mock, &prompt("x")).await;
    assert_eq!(get(mock.addr(), "/stats").await.json()["calls"], 1);
}
