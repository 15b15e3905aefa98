//! What an error says.

use std::time::Duration;

use mainstay_fault::{FaultKind, HasFault, fault_in};
use mainstay_openai_client::{ChatRequest, Client, EmbeddingRequest};
use tokio::{net::TcpListener, time::Instant};

use crate::server::{Act, Server};

const ANSWER: &str =
    r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}"#;

fn ask() -> ChatRequest {
    ChatRequest::new("gpt-4o").user("Hello?")
}

#[tokio::test]
async fn an_error_says_all_that_the_server_said() {
    let head =
        "HTTP/1.1 429 Too Many Requests\r\nx-request-id: req_7\r\nretry-after: 2\r\nx-should-retry: true";
    let body = r#"{"error":{"message":"Rate limit reached","type":"tokens","param":"messages","code":"rate_limit_exceeded"}}"#;
    let server = Server::answering(head, body.as_bytes()).await;
    let error = server.client().chat(ask()).await.unwrap_err();
    let fault = error.fault();
    assert_eq!(fault.kind, FaultKind::RateLimited);
    assert_eq!((fault.retry_after, fault.should_retry), (Some(Duration::from_secs(2)), Some(true)));
    assert_eq!(error.status().unwrap(), 429);
    assert_eq!(error.message(), Some("Rate limit reached"));
    assert_eq!(
        (error.code(), error.api_type(), error.param()),
        (Some("rate_limit_exceeded"), Some("tokens"), Some("messages"))
    );
    assert_eq!(error.request_id(), Some("req_7"));
    let shown = error.to_string();
    for part in
        ["rate limited", "Rate limit reached", "429", "rate_limit_exceeded", "req_7", "/v1/chat/completions"]
    {
        assert!(shown.contains(part), "{part:?} is not in {shown:?}");
    }
}

#[tokio::test]
async fn an_error_that_comes_in_many_pieces_loses_none() {
    let body = format!(r#"{{"error":{{"message":"{}","code":"rate_limit_exceeded"}}}}"#, "x".repeat(3 << 20));
    let server =
        Server::answering("HTTP/1.1 429 X\r\nretry-after: 2\r\nx-request-id: req_7", body.as_bytes()).await;
    for error in [
        server.client().chat(ask()).await.unwrap_err(),
        server.client().chat_stream(ask()).await.unwrap_err(),
    ] {
        assert_eq!(error.message().unwrap().len(), 3 << 20);
        assert_eq!(error.fault().retry_after, Some(Duration::from_secs(2)));
        assert_eq!(error.request_id(), Some("req_7"));
    }
}

#[tokio::test]
async fn a_body_that_is_no_answer_is_malformed_and_quoted() {
    for (body, quoted) in [
        ("", "empty"),
        ("<html><body>Welcome to nginx</body></html>", "Welcome to nginx"),
        (r#"{"choices":[{"mess"#, "mess"),
        (r#"{"foo":1}"#, "choices"),
        (r#"{"choices":[]}"#, "choices"),
        (r#"{"choices":[{"message":{"role":"assistant","content":5}}]}"#, "choices[0].message.content"),
        ("null", "null"),
    ] {
        let server = Server::answering("HTTP/1.1 200 OK", body.as_bytes()).await;
        let error = server.client().chat(ask()).await.unwrap_err();
        assert_eq!(error.fault().kind, FaultKind::Malformed, "{body}");
        assert!(error.to_string().contains(quoted), "{quoted:?} is not in {error}");
    }
}

#[tokio::test]
async fn an_error_says_no_more_than_is_known() {
    for (head, body, said) in [
        ("529 Site is overloaded", "", "overloaded: the body is empty ("),
        ("200 OK", "{}", "malformed response: missing field `choices` at line 1 column 2; the body reads"),
    ] {
        let server = Server::answering(&format!("HTTP/1.1 {head}"), body.as_bytes()).await;
        let error = server.client().chat(ask()).await.unwrap_err().to_string();
        assert!(error.starts_with(said) && !error.contains("unknown"), "{error}");
    }
}

#[tokio::test]
async fn an_error_object_under_200_is_the_error_that_it_states() {
    for (body, expected) in [
        (r#"{"error":{"message":"busy","code":429}}"#, FaultKind::RateLimited),
        (
            r#"{"choices":null,"error":{"message":"busy","code":"server_is_overloaded"}}"#,
            FaultKind::Overloaded,
        ),
        (r#"{"error":{"message":"something broke"}}"#, FaultKind::Unavailable),
        (
            r#"{"choices":[{"message":{"role":"assistant","content":""},"finish_reason":"error"}],"error":{"code":402,"message":"no credit"}}"#,
            FaultKind::QuotaExhausted,
        ),
        (r#"{"choices":[],"error":{"code":"insufficient_quota"}}"#, FaultKind::QuotaExhausted),
        (
            r#"{"choices":[{"message":{"role":"assistant","content":"The"},"finish_reason":"error","error":{"code":503,"message":"gone"}}]}"#,
            FaultKind::Overloaded,
        ),
    ] {
        let server = Server::answering("HTTP/1.1 200 OK", body.as_bytes()).await;
        assert_eq!(server.client().chat(ask()).await.unwrap_err().fault().kind, expected, "{body}");
    }
}

#[tokio::test]
async fn an_error_beside_vectors_is_the_error_that_it_states_and_an_empty_one_is_none() {
    for (error, expected) in [
        (r#"{"code":"insufficient_quota"}"#, Some(FaultKind::QuotaExhausted)),
        ("null", None),
        ("\"\"", None),
        ("{}", None),
        ("[]", None),
        ("false", None),
        ("0", None),
        ("true", Some(FaultKind::Malformed)),
    ] {
        let vectors = format!(r#"{{"data":[],"model":"e","error":{error}}}"#);
        let server = Server::answering("HTTP/1.1 200 OK", vectors.as_bytes()).await;
        let outcome = server.client().embed(EmbeddingRequest::new("e", "text")).await;
        assert_eq!(outcome.err().map(|error| error.fault().kind), expected, "{error}");
        let answer = ANSWER.replacen('{', &format!(r#"{{"error":{error},"#), 1);
        let server = Server::answering("HTTP/1.1 200 OK", answer.as_bytes()).await;
        let outcome = server.client().chat(ask()).await;
        assert_eq!(outcome.err().map(|error| error.fault().kind), expected, "{error}");
    }
}

#[tokio::test]
async fn an_answer_withheld_by_policy_is_no_answer() {
    let withheld = ANSWER.replace("\"hi\"", "null").replace("stop", "content_filter");
    let server = Server::answering("HTTP/1.1 200 OK", withheld.as_bytes()).await;
    assert_eq!(server.client().chat(ask()).await.unwrap_err().fault().kind, FaultKind::ContentFiltered);
    let partial = ANSWER.replace("stop", "content_filter");
    let server = Server::answering("HTTP/1.1 200 OK", partial.as_bytes()).await;
    assert_eq!(server.client().chat(ask()).await.unwrap().text(), "hi");
}

#[tokio::test]
async fn a_refused_connection_says_where_and_why() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let client = Client::builder().base_url(format!("http://{gone}/v1")).build().unwrap();
    let error = client.chat(ask()).await.unwrap_err();
    assert_eq!(error.fault().kind, FaultKind::Connect);
    assert!(error.to_string().contains(&gone.to_string()), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn a_connection_lost_at_any_point_is_told_apart_from_an_answer() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n";
    for (name, acts, expected) in [
        ("reset before the head", vec![Act::Reset], FaultKind::Connect),
        ("closed before the head", vec![], FaultKind::Connect),
        ("closed in the head", vec![Act::Say(b"HTTP/1.1 200".into())], FaultKind::Connect),
        ("no HTTP", vec![Act::Say(b"hello\r\n\r\n".into())], FaultKind::Connect),
        (
            "closed in the body",
            vec![Act::Say(head.into()), Act::Say(b"{\"choices\"".into())],
            FaultKind::Malformed,
        ),
        ("reset in the body", vec![Act::Say(head.into()), Act::Reset], FaultKind::Connect),
    ] {
        let server = Server::start(acts).await;
        let error = server.client().chat(ask()).await.unwrap_err();
        assert_eq!(error.fault().kind, expected, "{name}: {error}");
    }
}

#[tokio::test]
async fn a_body_that_never_ends_is_cut_off() {
    let server = Server::start(vec![
        Act::Say(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n".into()),
        Act::Forever(vec![b' '; 4096]),
    ])
    .await;
    let client = server.builder().max_response_size(100_000).build().unwrap();
    let error = client.chat(ask()).await.unwrap_err();
    assert_eq!(error.fault().kind, FaultKind::Malformed);
    assert!(error.to_string().contains("100000 bytes"), "{error}");
}

#[tokio::test]
async fn an_event_that_never_ends_is_cut_off() {
    let server = Server::streaming("data: ", vec![Act::Forever(vec![b'x'; 4096])]).await;
    let client = server.builder().max_response_size(100_000).build().unwrap();
    let error = client.chat_stream(ask()).await.unwrap_err();
    assert_eq!(error.fault().kind, FaultKind::Malformed);
    assert!(error.to_string().contains("100000 bytes"), "{error}");
}

#[tokio::test]
async fn a_prompt_of_ten_megabytes_is_sent_whole() {
    let server = Server::answering("HTTP/1.1 200 OK", ANSWER.as_bytes()).await;
    let prompt = "x".repeat(10 << 20);
    server.client().chat(ChatRequest::new("m").user(prompt)).await.unwrap();
    assert!(server.requests()[0].len() > 10 << 20);
}

#[tokio::test]
async fn a_call_past_its_deadline_is_not_sent() {
    let server = Server::answering("HTTP/1.1 200 OK", ANSWER.as_bytes()).await;
    let error = server.client().chat(ask().deadline(Instant::now())).await.unwrap_err();
    assert_eq!(error.fault().kind, FaultKind::Timeout);
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_boxed_error_is_still_judged_and_its_cause_not_lost() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let client = Client::builder().base_url(format!("http://{gone}/v1")).build().unwrap();
    let error: Box<dyn std::error::Error + Send + Sync> = client.models().await.unwrap_err().into();
    assert_eq!(fault_in(&*error).unwrap().kind, FaultKind::Connect);
    let mut chain = vec![];
    let mut link = error.source();
    while let Some(error) = link {
        chain.push(error.to_string());
        link = error.source();
    }
    assert!(chain.len() > 2 && chain.last().unwrap().contains("refused"), "{chain:?}");
}

#[tokio::test]
async fn the_idempotency_key_is_sent_the_same_with_every_attempt() {
    let server = Server::answering("HTTP/1.1 200 OK", ANSWER.as_bytes()).await;
    let request = ask().key("order 17\u{1F980}");
    for _ in 0..2 {
        server.client().chat(request.clone()).await.unwrap();
    }
    let other = server.builder().idempotency_header("OpenAI-Idempotency-Token").build().unwrap();
    other.chat(ask().key("k")).await.unwrap();
    other.chat(ask()).await.unwrap();
    let key = |request: &str| {
        request
            .lines()
            .find_map(|line| line.to_lowercase().split_once("idempotency-").map(|(_, key)| key.to_owned()))
    };
    let keys: Vec<_> = server.requests().iter().map(|request| key(request)).collect();
    assert_eq!(keys[0], keys[1]);
    assert!(keys[0].as_ref().unwrap().starts_with("key: order"), "{keys:?}");
    assert_eq!((keys[2].as_deref(), keys[3].as_deref()), (Some("token: k"), None));
}

#[tokio::test]
async fn embeddings_are_read() {
    let body = r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,-0.25]}],"model":"e","usage":{"prompt_tokens":2,"total_tokens":2}}"#;
    let server = Server::answering("HTTP/1.1 200 OK", body.as_bytes()).await;
    let response = server.client().embed(EmbeddingRequest::new("e", "text")).await.unwrap();
    assert_eq!(*response.data[0].embedding.floats().unwrap(), [0.5, -0.25]);
    assert_eq!(response.usage.unwrap().total_tokens, 2);
    assert!(server.requests()[0].starts_with("POST /v1/embeddings"));
}

#[tokio::test]
async fn embeddings_in_base64_are_read_and_written_as_they_came() {
    let body = r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":"AAAAPwAAgL4="}],"model":"e"}"#;
    let server = Server::answering("HTTP/1.1 200 OK", body.as_bytes()).await;
    let mut request = EmbeddingRequest::new("e", "text");
    request.extra.insert("encoding_format".into(), "base64".into());
    let response = server.client().embed(request).await.unwrap();
    let before: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(serde_json::to_value(&response).unwrap(), before);
    assert_eq!(*response.data[0].embedding.floats().unwrap(), [0.5, -0.25]);
    assert!(server.requests()[0].contains(r#""encoding_format":"base64""#));
}
