//! What a llama.cpp server really sent.

use futures_util::StreamExt;
use mainstay_fault::{FaultKind, HasFault};
use mainstay_openai_client::{ChatRequest, Client, FinishReason};
use serde_json::Value;

use crate::server::Server;

macro_rules! recording {
    ($name:literal) => {
        (
            include_str!(concat!("../fixtures/llama-server/", $name, ".headers")),
            include_str!(concat!("../fixtures/llama-server/", $name, ".body")),
        )
    };
}

/// Replays a recording. Its framing is made anew, since the recorded body was decoded.
async fn replay((head, body): (&str, &str)) -> (Client, Server) {
    let head: Vec<&str> = head
        .lines()
        .filter(|line| {
            let line = line.to_ascii_lowercase();
            !line.is_empty()
                && !["content-length", "transfer-encoding", "connection", "keep-alive"]
                    .iter()
                    .any(|name| line.starts_with(name))
        })
        .collect();
    let server = Server::answering(&head.join("\r\n"), body.as_bytes()).await;
    (server.client(), server)
}

fn ask() -> ChatRequest {
    ChatRequest::new("gemma").user("Name two colours.")
}

#[tokio::test]
async fn a_chat_completion() {
    let (client, _server) = replay(recording!("chat")).await;
    let response = client.chat(ask()).await.unwrap();
    assert_eq!(response.finish_reason(), Some(&FinishReason::Length));
    assert_eq!(response.usage.as_ref().unwrap().total_tokens, 69);
    assert_eq!(response.usage.as_ref().unwrap().cached_tokens(), 1);
    assert_eq!(response.extra["timings"]["prompt_n"], 44);
    assert_eq!(response.headers["server"], "llama.cpp");
}

#[tokio::test]
async fn json_after_a_schema() {
    let (client, _server) = replay(recording!("json_schema")).await;
    let response = client.chat(ask().json_object()).await.unwrap();
    assert_eq!(response.json::<Value>().unwrap()["colour"], "blue");
}

#[tokio::test]
async fn a_stream_with_usage() {
    let (client, _server) = replay(recording!("chat_stream")).await;
    let mut stream = client.chat_stream(ask()).await.unwrap();
    let mut text = String::new();
    let mut chunks = 0;
    while let Some(chunk) = stream.next().await {
        text.push_str(&chunk.unwrap().text());
        chunks += 1;
    }
    assert_eq!((text.as_str(), chunks), ("<|im_end|>\n<|im_start", 15));
    assert_eq!(stream.usage().unwrap().completion_tokens, 12);
}

#[tokio::test]
async fn a_stream_put_together() {
    let (client, _server) = replay(recording!("chat_stream")).await;
    let whole = client.chat_stream(ask()).await.unwrap().into_response().await.unwrap();
    assert_eq!(whole.text(), "<|im_end|>\n<|im_start");
    assert_eq!(whole.finish_reason(), Some(&FinishReason::Length));
    assert_eq!(whole.usage.unwrap().total_tokens, 41);
    assert_eq!(whole.object.as_deref(), Some("chat.completion"));
}

#[tokio::test]
async fn a_context_overflow() {
    let (client, _server) = replay(recording!("context_overflow")).await;
    for error in [client.chat(ask()).await.unwrap_err(), client.chat_stream(ask()).await.unwrap_err()] {
        assert_eq!(error.fault().kind, FaultKind::ContextLength);
        assert_eq!(error.code(), Some("400"));
        assert_eq!(error.api_type(), Some("exceed_context_size_error"));
        assert!(error.message().unwrap().contains("4024 tokens"));
    }
}

#[tokio::test]
async fn a_malformed_request() {
    let (client, _server) = replay(recording!("bad_json")).await;
    let error = client.chat(ask()).await.unwrap_err();
    assert_eq!(error.fault().kind, FaultKind::InvalidRequest);
    assert_eq!(error.status().unwrap(), 400);
}

#[tokio::test]
async fn the_model_list() {
    let (client, _server) = replay(recording!("models")).await;
    let models = client.models().await.unwrap();
    assert_eq!(models.data[0].id, "gemma-3-270m-q4_k_m.gguf");
    assert_eq!(models.data[0].extra["meta"]["n_ctx"], 2048);
}
