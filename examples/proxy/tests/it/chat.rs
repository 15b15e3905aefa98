use axum::{Json, Router, routing::post};
use mainstay_mock_openai::{MockOpenAi, ModelPlan, Plan, WholeFault};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::proxy::{Proxy, ask, before, settings};

#[tokio::test]
async fn a_chat_is_answered_and_says_what_it_took() {
    let (mock, proxy) = before(ModelPlan::new()).await;
    let response = proxy.post(&ask("m")).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let said = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!((said("x-mainstay-attempts"), said("x-mainstay-backend")), ("1".into(), "mock/m".into()));
    assert!(!said("x-request-id").is_empty());
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["object"], "chat.completion");
    assert!(body["choices"][0]["message"]["content"].as_str().unwrap().len() > 10);
    assert_eq!(mock.stats().ok(), 1);
}

#[tokio::test]
async fn texts_are_embedded_and_a_wrong_body_is_named() {
    let (_mock, proxy) = before(ModelPlan::new()).await;
    let url = proxy.url("/v1/embeddings");
    let ask = json!({"model": "m", "input": ["a licence", "a copyright"]});
    let post = |body: &Value| reqwest::Client::new().post(&url).json(body).send();
    let answer: Value = post(&ask).await.unwrap().json().await.unwrap();
    assert_eq!(answer["data"].as_array().unwrap().len(), 2, "{answer}");
    let refused = post(&json!({"model": "m"})).await.unwrap();
    assert_eq!(refused.status(), 400);
    let error: Value = refused.json().await.unwrap();
    assert!(error["error"]["message"].as_str().unwrap().contains("input"), "{error}");
}

#[tokio::test]
async fn what_fails_is_repaired_unseen() {
    let faults = [WholeFault::ServerError, WholeFault::Reset, WholeFault::TruncatedJson];
    let plan = Plan::new().model("m", ModelPlan::new().sequence(faults));
    let mock = MockOpenAi::builder().plan(plan).start().await.unwrap();
    let retrying = settings(&mock, &["m"]).replace("retries = 0", "retries = 5\nbase = \"1ms\"");
    let response = Proxy::start(&retrying).await.post(&ask("m")).send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["x-mainstay-attempts"]),
        (200, &"4".parse().unwrap())
    );
}

/// A backend that sends back what it was sent, among fields of its own.
async fn echo() -> String {
    let answer = |Json(asked): Json<Value>| async move {
        let message = json!({"role": "assistant", "content": "Yes.", "vendor_mood": [1, null]});
        let choice = json!({"index": 0, "message": message, "finish_reason": "stop", "vendor_score": 0.5});
        Json(
            json!({"id": "1", "object": "chat.completion", "created": 7, "model": "m", "choices": [choice], "asked": asked}),
        )
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let app = Router::new().route("/v1/chat/completions", post(answer));
    tokio::spawn(async { axum::serve(listener, app).await });
    url
}

#[tokio::test]
async fn unknown_fields_pass_through_both_ways() {
    let url = echo().await;
    let proxy = Proxy::start(&format!(
        "[backends.echo]\nbase_url = \"{url}\"\n[routes.m]\ntiers = [{{ models = [{{ on = \"echo\" }}] }}]"
    ))
    .await;
    let mut asked = ask("m");
    asked["vendor_knob"] = json!({"deep": [1, 2.5, null]});
    asked["messages"][0]["vendor_tag"] = "x".into();
    asked["user"] = Value::Null;
    let body: Value = proxy.post(&asked).send().await.unwrap().json().await.unwrap();
    assert_eq!(body["asked"], asked);
    let choice = &body["choices"][0];
    assert_eq!(
        (&choice["vendor_score"], &choice["message"]["vendor_mood"]),
        (&json!(0.5), &json!([1, null]))
    );
}

#[tokio::test]
async fn an_idempotency_key_is_carried_and_runs_once() {
    let mock = MockOpenAi::builder().start().await.unwrap();
    let proxy = Proxy::start(&format!("{}\n[idempotency]\n", settings(&mock, &["m"]))).await;
    let mut bodies = Vec::new();
    for replayed in [false, true] {
        let response = proxy.post(&ask("m")).header("Idempotency-Key", "order-7").send().await.unwrap();
        assert_eq!(response.headers().contains_key("x-mainstay-replayed"), replayed);
        bodies.push(response.json::<Value>().await.unwrap());
    }
    assert_eq!(bodies[0], bodies[1]);
    assert_eq!((mock.stats().executions["order-7"], mock.stats().calls), (1, 1));
    let mut other = ask("m");
    other["messages"][0]["content"] = "Something else.".into();
    let conflict = proxy.post(&other).header("Idempotency-Key", "order-7").send().await.unwrap();
    assert_eq!(conflict.status(), 422);
}

#[tokio::test]
async fn an_empty_idempotency_key_is_none() {
    let mock = MockOpenAi::builder().start().await.unwrap();
    let proxy = Proxy::start(&format!("{}\n[idempotency]\n", settings(&mock, &["m"]))).await;
    for (text, key) in [("One.", ""), ("Two.", ""), ("Two.", "  ")] {
        let mut body = ask("m");
        body["messages"][0]["content"] = text.into();
        let response = proxy.post(&body).header("Idempotency-Key", key).send().await.unwrap();
        assert_eq!(response.status(), 200, "{text}");
        assert!(!response.headers().contains_key("x-mainstay-replayed"), "{text}");
    }
    assert!(mock.stats().begun.keys().all(|key| !key.is_empty()), "{:?}", mock.stats().begun);
    assert_eq!(mock.stats().calls, 3);
}

#[tokio::test]
async fn a_set_answer_looks_like_any_other() {
    let mock = MockOpenAi::builder()
        .plan(Plan::new().default_model(ModelPlan::new().fault(WholeFault::ServerError, 1.0)));
    let mock = mock.start().await.unwrap();
    let text = settings(&mock, &["m"]).replace("}] }]", "}] }, { answer = \"Later.\" }]");
    let response = Proxy::start(&text).await.post(&ask("m")).send().await.unwrap();
    assert_eq!(response.headers()["x-mainstay-degraded"], "set_answer");
    assert!(!response.headers().contains_key("x-mainstay-backend"), "no backend gave it");
    let body: Value = response.json().await.unwrap();
    assert_eq!(
        (&body["object"], &body["choices"][0]["message"]["content"]),
        (&json!("chat.completion"), &json!("Later."))
    );
    assert!(body["id"].as_str().unwrap().starts_with("chatcmpl-") && body["created"].as_u64().unwrap() > 0);
}
