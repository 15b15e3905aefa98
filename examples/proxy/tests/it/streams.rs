use mainstay_mock_openai::{ModelPlan, StreamFault, Turn, WholeFault};
use serde_json::Value;

use crate::proxy::{Proxy, ask, ask_stream, before, refusal};

/// What a stream's body holds: the text told, the names of its events that have one, and its last event's data.
struct Told {
    text: String,
    named: Vec<String>,
    last: String,
    body: String,
}

async fn told(proxy: &Proxy, body: &Value) -> Told {
    let response = proxy.post(body).send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["content-type"]),
        (200, &"text/event-stream".parse().unwrap())
    );
    let body = response.text().await.unwrap();
    let data: Vec<_> = body.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    let chunks = data.iter().filter_map(|data| serde_json::from_str::<Value>(data).ok());
    let text = chunks
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned))
        .collect();
    let named = body.lines().filter_map(|line| line.strip_prefix("event: ")).map(str::to_owned).collect();
    let last = (*data.last().unwrap()).to_owned();
    Told { text, named, last, body }
}

#[tokio::test]
async fn a_whole_stream_tells_the_answer_and_ends_in_done() {
    let (_mock, proxy) = before(ModelPlan::new()).await;
    let whole: Value = proxy.post(&ask("m")).send().await.unwrap().json().await.unwrap();
    let told = told(&proxy, &ask_stream("m")).await;
    assert_eq!(whole["choices"][0]["message"]["content"], told.text);
    assert_eq!((&*told.last, told.named.len()), ("[DONE]", 0));
}

#[tokio::test]
async fn a_broken_stream_ends_in_an_error_event_and_never_in_done() {
    let faults = [
        StreamFault::Cut { after: 3 },
        StreamFault::EndEarly { after: 3 },
        StreamFault::Stall { after: 3 },
        StreamFault::ErrorEvent { after: 3 },
        StreamFault::MalformedEvent { after: 3 },
    ];
    let turns = faults.iter().cloned().map(Turn::from).chain([Turn::Ok]);
    let plan = mainstay_mock_openai::Plan::new().model("m", ModelPlan::new().sequence(turns));
    let mock = mainstay_mock_openai::MockOpenAi::builder().plan(plan).start().await.unwrap();
    let text = format!("between_tokens_timeout = \"100ms\"\n{}", crate::proxy::settings(&mock, &["m"]));
    let proxy = Proxy::start(&text).await;
    let mut broken = Vec::new();
    for fault in &faults {
        let told = told(&proxy, &ask_stream("m")).await;
        assert_eq!(told.named, ["error"], "{fault:?}");
        assert!(!told.body.contains("[DONE]"), "{fault:?}: {}", told.body);
        let error: Value = serde_json::from_str(&told.last).unwrap();
        assert!(error["error"]["message"].is_string() && error["error"]["type"] == "server_error", "{error}");
        broken.push(told.text);
    }
    let whole = told(&proxy, &ask_stream("m")).await.text;
    assert!(broken.iter().all(|text| !text.is_empty() && whole.starts_with(text)), "{broken:?}\n{whole}");
}

#[tokio::test]
async fn what_fails_before_the_first_token_has_a_status() {
    let (_mock, proxy) =
        before(ModelPlan::new().sequence([WholeFault::ServerError, WholeFault::InsufficientQuota])).await;
    let (status, _) = refusal(proxy.post(&ask_stream("m")).send().await.unwrap()).await;
    assert_eq!(status, 500);
    let (status, error) = refusal(proxy.post(&ask_stream("m")).send().await.unwrap()).await;
    assert_eq!((status, &error["code"]), (429, &"insufficient_quota".into()));
}

#[tokio::test]
async fn usage_is_told_to_who_asked_for_it() {
    let (_mock, proxy) = before(ModelPlan::new()).await;
    let mut body = ask_stream("m");
    assert!(!told(&proxy, &body).await.body.contains("prompt_tokens"));
    body["stream_options"] = serde_json::json!({"include_usage": true});
    let told = told(&proxy, &body).await;
    assert_eq!(told.body.matches("prompt_tokens\"").count(), 1);
    assert_eq!(told.last, "[DONE]");
}

#[tokio::test]
async fn a_set_answer_is_streamed_like_any_other() {
    let down = ModelPlan::new().fault(WholeFault::ServerError, 1.0);
    let plan = mainstay_mock_openai::Plan::new().model("m", down);
    let mock = mainstay_mock_openai::MockOpenAi::builder().plan(plan).start().await.unwrap();
    let text = crate::proxy::settings(&mock, &["m"]).replace("}] }]", "}] }, { answer = \"Later.\" }]");
    let told = told(&Proxy::start(&text).await, &ask_stream("m")).await;
    assert_eq!((told.text.as_str(), told.last.as_str(), told.named.len()), ("Later.", "[DONE]", 0));
    let data = told.body.lines().filter_map(|line| line.strip_prefix("data: "));
    let chunks: Vec<Value> = data.filter_map(|data| serde_json::from_str(data).ok()).collect();
    let id = chunks[0]["id"].as_str().unwrap();
    assert!(id.starts_with("chatcmpl-") && chunks[0]["object"] == "chat.completion.chunk");
    assert!(chunks.iter().all(|chunk| chunk["id"] == id && chunk["created"].as_u64().unwrap() > 0));
}

#[tokio::test]
async fn a_preface_without_choices_gets_no_id_of_its_own() {
    let preface = r#"{"choices":[],"created":0,"id":"","model":"","prompt_filter_results":[{}]}"#;
    let answer = r#"{"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}],"created":7,"id":"1","model":"m"}"#;
    let body = format!("data: {preface}\n\ndata: {answer}\n\ndata: [DONE]\n\n");
    let headers =
        std::collections::BTreeMap::from([("content-type".to_owned(), "text/event-stream".to_owned())]);
    let (_mock, proxy) =
        before(ModelPlan::new().fault(WholeFault::Status { status: 200, headers, body: Some(body) }, 1.0))
            .await;
    let told = told(&proxy, &ask_stream("m")).await;
    assert!(told.body.contains(r#""id":"1""#) && !told.body.contains("chatcmpl-"), "{}", told.body);
}
