//! What a good answer looks like.

use mainstay_mock_openai::Plan;
use serde_json::{Value, json};

use crate::support::{chat, get, post, prompt, start, with};

#[tokio::test]
async fn a_chat_is_answered_as_openai_answers_it() {
    let mock = start(Plan::new()).await;
    let answer = chat(&mock, &prompt("Name two colours.")).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.header("content-type").unwrap(), "application/json");
    assert!(answer.header("x-request-id").unwrap().starts_with("req_"));
    assert!(answer.header("openai-processing-ms").is_some());

    let body = answer.json();
    assert_eq!(body["object"], "chat.completion");
    assert_eq!(body["model"], "gpt-4o");
    assert!(body["id"].as_str().unwrap().starts_with("chatcmpl-"));
    assert!(body["created"].as_u64().unwrap() > 1_700_000_000);
    let choice = &body["choices"][0];
    assert_eq!((&choice["index"], &choice["finish_reason"]), (&json!(0), &json!("stop")));
    assert_eq!(choice["message"]["role"], "assistant");
    assert!(answer.content().contains("Name two colours."));
    let usage = &body["usage"];
    let count = |name: &str| usage[name].as_u64().unwrap();
    assert_eq!(count("total_tokens"), count("prompt_tokens") + count("completion_tokens"));
}

#[tokio::test]
async fn the_same_request_has_the_same_answer_and_another_has_another() {
    let mock = start(Plan::new()).await;
    let once = chat(&mock, &prompt("Name two colours.")).await;
    let again = chat(&mock, &prompt("Name two colours.")).await;
    let other = chat(&mock, &prompt("Name three colours.")).await;
    assert_eq!(once.content(), again.content());
    assert_ne!(once.content(), other.content());
    assert_ne!(once.json()["id"], again.json()["id"], "each execution has its own id");
}

#[tokio::test]
async fn as_many_choices_come_as_were_asked_for() {
    let mock = start(Plan::new()).await;
    let answer = chat(&mock, &with(prompt("Hello"), &json!({"n": 3}))).await.json();
    let choices = answer["choices"].as_array().unwrap();
    let content = |at: usize| &choices[at]["message"]["content"];
    assert_eq!(choices.len(), 3);
    assert_eq!(choices[2]["index"], 2);
    assert_ne!(content(0), content(1));
}

#[tokio::test]
async fn max_tokens_cut_the_answer_and_say_so() {
    let mock = start(Plan::new()).await;
    for field in ["max_tokens", "max_completion_tokens"] {
        let answer = chat(&mock, &with(prompt("Hello"), &json!({field: 5}))).await.json();
        assert_eq!(answer["choices"][0]["finish_reason"], "length");
        assert_eq!(answer["usage"]["completion_tokens"], 5);
    }
    let ample = chat(&mock, &with(prompt("Hello"), &json!({"max_tokens": 500}))).await.json();
    assert_eq!(ample["choices"][0]["finish_reason"], "stop");
}

#[tokio::test]
async fn an_answer_ends_before_its_stop_text() {
    let mock = start(Plan::new()).await;
    for stop in [json!("about"), json!(["nowhere", "about"])] {
        let answer = chat(&mock, &with(prompt("Hello"), &json!({"stop": stop}))).await;
        assert_eq!(answer.content(), "You asked — in 1 words — ");
        assert_eq!(answer.json()["choices"][0]["finish_reason"], "stop");
    }
}

#[tokio::test]
async fn a_required_tool_is_called_with_arguments_of_its_schema() {
    let mock = start(Plan::new()).await;
    let parameters = json!({"type": "object", "required": ["city"], "properties": {
        "city": {"type": "string"}, "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]}}});
    let tool = |name: &str| json!({"type": "function", "function": {"name": name, "parameters": parameters}});
    let named = json!({"type": "function", "function": {"name": "forecast"}});
    for (choice, called) in [(json!("required"), "weather"), (named, "forecast")] {
        let fields = json!({"tools": [tool("weather"), tool("forecast")], "tool_choice": choice});
        let answer = chat(&mock, &with(prompt("Rain in Oslo?"), &fields)).await.json();
        let choice = &answer["choices"][0];
        assert_eq!(choice["finish_reason"], "tool_calls");
        assert_eq!(choice["message"]["content"], Value::Null);
        let call = &choice["message"]["tool_calls"][0];
        assert_eq!(call["function"]["name"], called);
        let arguments: Value = serde_json::from_str(call["function"]["arguments"].as_str().unwrap()).unwrap();
        assert!(arguments["city"].is_string());
    }
    let auto = json!({"tools": [tool("weather")], "tool_choice": "auto"});
    assert!(chat(&mock, &with(prompt("Rain in Oslo?"), &auto)).await.content().contains("Oslo"));
}

#[tokio::test]
async fn embeddings_are_unit_vectors_of_their_input() {
    let mock = start(Plan::new()).await;
    let ask = |fields: Value| with(json!({"model": "text-embedding-3-small"}), &fields);
    let three = ask(json!({"input": ["a", "b", "a"], "dimensions": 8}));
    let answer = post(mock.addr(), "/v1/embeddings", &three).await.json();
    let vector = |at: usize| answer["data"][at]["embedding"].as_array().unwrap().clone();
    assert_eq!((vector(0).len(), vector(0) == vector(2), vector(0) == vector(1)), (8, true, false));
    let norm: f64 = vector(0).iter().map(|it| it.as_f64().unwrap().powi(2)).sum();
    assert!((norm - 1.0).abs() < 1e-6, "{norm}");
    assert_eq!(answer["usage"]["prompt_tokens"], 3);

    let packed = ask(json!({"input": "a", "dimensions": 8, "encoding_format": "base64"}));
    let packed = post(mock.addr(), "/v1/embeddings", &packed).await.json();
    assert_eq!(packed["data"][0]["embedding"].as_str().unwrap().len(), 44, "8 floats of 4 bytes in base64");
    let tokens = post(mock.addr(), "/v1/embeddings", &ask(json!({"input": [1, 2, 3]}))).await.json();
    assert_eq!(tokens["data"].as_array().unwrap().len(), 1);
    assert_eq!(tokens["data"][0]["embedding"].as_array().unwrap().len(), 1536);
}

#[tokio::test]
async fn the_models_of_the_plan_are_listed() {
    let plan = Plan::from_toml("[models.small]\n[models.large]").unwrap();
    let mock = start(plan).await;
    let models = get(mock.addr(), "/v1/models").await.json();
    assert_eq!(models["object"], "list");
    let ids: Vec<_> = models["data"].as_array().unwrap().iter().map(|model| model["id"].clone()).collect();
    assert_eq!(ids, ["large", "small"]);
}
