//! What a stream is, up to its first token and after it.

use std::time::Duration;

use futures_util::StreamExt;
use mainstay_fault::{FaultKind, HasFault};
use mainstay_openai_client::{ChatChunk, ChatRequest, Error, FinishReason};
use tower::{Service, ServiceExt};

use crate::server::{Act, Server};

pub(crate) const ROLE: &str =
    r#"data: {"choices":[{"index":0,"delta":{"role":"assistant","content":null}}]}"#;
pub(crate) const HEL: &str =
    r#"data: {"choices":[{"index":0,"delta":{"content":"Hel"},"finish_reason":null}]}"#;
pub(crate) const LO: &str = r#"data: {"choices":[{"index":0,"delta":{"content":"lo"}}]}"#;
pub(crate) const STOP: &str = r#"data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
const FILTERED: &str = r#"data: {"choices":[{"index":0,"delta":{},"finish_reason":"content_filter"}]}"#;
const BUSY: &str = r#"data: {"error":{"message":"slow down","code":"rate_limit_exceeded"}}"#;
const ODD: &str = r#"data: {"choices":[{"index":"#;
pub(crate) const DONE: &str = "data: [DONE]";

pub(crate) fn events(lines: &[&str]) -> String {
    lines.iter().flat_map(|line| [*line, "\n\n"]).collect()
}

pub(crate) fn ask() -> ChatRequest {
    ChatRequest::new("m").user("Hello?")
}

/// The error of a call whose stream never opens.
pub(crate) async fn refused(server: &Server) -> Error {
    server.client().chat_stream(ask()).await.expect_err("no stream should open")
}

/// The text of a stream, and the error that ended it, if one did.
pub(crate) async fn told(server: &Server) -> (String, Option<Error>) {
    let mut stream = server.client().chat_stream(ask()).await.expect("the stream opens");
    let mut text = String::new();
    let mut error = None;
    while let Some(item) = stream.next().await {
        assert!(error.is_none(), "nothing comes after an error");
        match item {
            Ok(chunk) => text.push_str(&chunk.text()),
            Err(broken) => error = Some(broken),
        }
    }
    assert!(stream.next().await.is_none(), "an ended stream stays ended");
    (text, error)
}

#[tokio::test]
async fn a_stream_is_whole_with_a_finish_reason_or_done() {
    for end in [&[STOP, DONE][..], &[STOP], &[DONE], &[STOP, DONE, DONE]] {
        let server = Server::streaming(events(&[&[ROLE, HEL, LO], end].concat()), vec![]).await;
        let (text, error) = told(&server).await;
        assert_eq!(text, "Hello", "{end:?}");
        assert!(error.is_none(), "{end:?}: {error:?}");
    }
}

#[tokio::test]
async fn a_clean_end_that_says_nothing_is_an_interruption() {
    let server = Server::streaming(events(&[ROLE, HEL]), vec![]).await;
    let (text, error) = told(&server).await;
    let error = error.expect("the end is not passed off as whole");
    assert_eq!((text.as_str(), error.fault().kind), ("Hel", FaultKind::Interrupted));
    assert!(error.to_string().contains("without a finish_reason for each answer, or [DONE]"), "{error}");
}

#[tokio::test]
async fn whatever_breaks_after_the_first_token_is_an_item() {
    for (name, tail, then) in [
        ("reset", String::new(), vec![Act::Reset]),
        ("an error event", events(&[BUSY]), vec![]),
        ("an unreadable event", events(&[ODD]), vec![]),
        ("bytes that are no text", "data: \u{fffd}\n\n".replace('\u{fffd}', "{"), vec![]),
    ] {
        let server = Server::streaming(events(&[HEL, LO]) + &tail, then).await;
        let (text, error) = told(&server).await;
        assert_eq!(text, "Hello", "{name}");
        assert_eq!(error.expect(name).fault().kind, FaultKind::Interrupted, "{name}");
    }
}

#[tokio::test]
async fn an_error_event_keeps_its_words() {
    let server = Server::streaming(events(&[HEL, BUSY]), vec![]).await;
    let (_, error) = told(&server).await;
    let error = error.unwrap();
    assert_eq!((error.message(), error.code()), (Some("slow down"), Some("rate_limit_exceeded")));
}

#[tokio::test]
async fn a_reset_after_the_finish_reason_takes_nothing_away() {
    let server = Server::streaming(events(&[HEL, LO, STOP]), vec![Act::Reset]).await;
    let (text, error) = told(&server).await;
    assert_eq!(text, "Hello");
    assert!(error.is_none(), "{error:?}");
}

#[tokio::test]
async fn one_answer_of_two_without_an_end_is_an_interruption() {
    let second = r#"data: {"choices":[{"index":1,"delta":{"content":"Bye"}}]}"#;
    let server = Server::streaming(events(&[HEL, second, STOP]), vec![]).await;
    assert_eq!(told(&server).await.1.unwrap().fault().kind, FaultKind::Interrupted);
}

#[tokio::test]
async fn a_stream_is_not_whole_before_as_many_answers_have_ended_as_were_asked_for() {
    let bye = r#"data: {"choices":[{"index":1,"delta":{"content":"Bye"}}]}"#;
    let stop = r#"data: {"choices":[{"index":1,"delta":{},"finish_reason":"stop"}]}"#;
    for (name, tail, then, whole) in [
        ("reset between two", vec![], vec![Act::Reset], false),
        ("an error event between two", vec![BUSY], vec![], false),
        ("an end between two", vec![], vec![], false),
        ("reset in the second", vec![bye], vec![Act::Reset], false),
        ("reset after both", vec![bye, stop], vec![Act::Reset], true),
        ("[DONE] after the first", vec![DONE], vec![], true),
    ] {
        let server = Server::streaming(events(&[&[HEL, STOP][..], &tail].concat()), then).await;
        let mut both = ask();
        both.n = Some(2);
        let items: Vec<_> = server.client().chat_stream(both).await.unwrap().collect().await;
        let broken = items.last().unwrap().as_ref().err();
        let expected = (!whole).then_some(FaultKind::Interrupted);
        assert_eq!(broken.map(|error| error.fault().kind), expected, "{name}");
    }
}

#[tokio::test]
async fn an_empty_answer_is_not_whole_while_another_is_awaited() {
    for (tail, then, expected) in [
        (vec![], vec![], FaultKind::Malformed),
        (vec![BUSY], vec![], FaultKind::RateLimited),
        (vec![], vec![Act::Reset], FaultKind::Connect),
    ] {
        let server = Server::streaming(events(&[&[ROLE, STOP][..], &tail].concat()), then).await;
        let mut both = ask();
        both.n = Some(2);
        let error = server.client().chat_stream(both).await.expect_err("no stream should open");
        assert_eq!(error.fault().kind, expected, "{error}");
    }
    for (n, tail) in [(Some(2), &[DONE][..]), (None, &[]), (Some(1), &[])] {
        let server = Server::streaming(events(&[&[ROLE, STOP], tail].concat()), vec![]).await;
        let mut asked = ask();
        asked.n = n;
        server.client().chat_stream(asked).await.expect("it is whole, and empty");
    }
}

#[tokio::test]
async fn before_the_first_token_the_call_fails() {
    for (name, stream, then, expected) in [
        ("no event", String::new(), vec![], FaultKind::Malformed),
        ("[DONE] alone", events(&[DONE]), vec![], FaultKind::Malformed),
        ("a role, then the end", events(&[ROLE]), vec![], FaultKind::Malformed),
        ("a role, then [DONE]", events(&[ROLE, DONE]), vec![], FaultKind::Malformed),
        ("comments alone", ": ping\n\n: ping\n\n".into(), vec![], FaultKind::Malformed),
        ("an error first", events(&[BUSY]), vec![], FaultKind::RateLimited),
        ("a role, then an error", events(&[ROLE, BUSY]), vec![], FaultKind::RateLimited),
        ("a role, then a reset", events(&[ROLE]), vec![Act::Reset], FaultKind::Connect),
        ("an unreadable event", events(&[ODD]), vec![], FaultKind::Malformed),
        ("HTML named a stream", "<html>\n\nBad gateway</html>".into(), vec![], FaultKind::Malformed),
        ("withheld by policy", events(&[ROLE, FILTERED, DONE]), vec![], FaultKind::ContentFiltered),
    ] {
        let server = Server::streaming(stream, then).await;
        let error = refused(&server).await;
        assert_eq!(error.fault().kind, expected, "{name}: {error}");
        assert_eq!(error.request_id(), Some("req_1"), "{name}");
    }
}

#[tokio::test]
async fn an_answer_that_finishes_without_a_word_is_whole_and_empty() {
    let server = Server::streaming(events(&[ROLE, STOP, DONE]), vec![]).await;
    let whole = server.client().chat_stream(ask()).await.unwrap().into_response().await.unwrap();
    assert_eq!((whole.text().as_ref(), whole.finish_reason()), ("", Some(&FinishReason::Stop)));
}

#[tokio::test]
async fn a_document_under_200_is_judged_by_what_it_says() {
    let error = r#"{"error":{"message":"no money","code":"insufficient_quota"}}"#;
    for (kind, body, expected) in [
        ("application/json", error, FaultKind::QuotaExhausted),
        ("application/json; charset=utf-8", "{}", FaultKind::Malformed),
        ("text/html", "<html>Welcome</html>", FaultKind::Malformed),
    ] {
        let server =
            Server::answering(&format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}"), body.as_bytes()).await;
        assert_eq!(refused(&server).await.fault().kind, expected, "{body}");
    }
}

#[tokio::test]
async fn chunks_may_be_cut_anywhere() {
    let text =
        r#"data: {"choices":[{"index":0,"delta":{"content":"Größe: 漢字 🦀"},"finish_reason":"stop"}]}"#;
    let whole = events(&[": hello", text, DONE]).replace('\n', "\r\n");
    for at in (0..whole.len()).step_by(7) {
        let (first, rest) = whole.as_bytes().split_at(at);
        let server = Server::streaming(first, vec![Act::Say(rest.into())]).await;
        assert_eq!(told(&server).await.0, "Größe: 漢字 🦀", "cut at byte {at}");
    }
}

#[tokio::test]
async fn reasoning_is_a_token_and_is_kept() {
    let thinking = r#"data: {"choices":[{"index":0,"delta":{"reasoning_content":"hm, "}}]}"#;
    let server = Server::streaming(events(&[ROLE, thinking, thinking, HEL, STOP]), vec![]).await;
    let whole = server.client().chat_stream(ask()).await.unwrap().into_response().await.unwrap();
    assert_eq!(whole.choices[0].message.extra["reasoning_content"], "hm, hm, ");
}

#[tokio::test]
async fn calls_of_tools_are_put_together() {
    let parts = [
        r#"{"index":0,"id":"call_1","type":"function","function":{"name":"weather","arguments":""}}"#,
        r#"{"index":0,"function":{"arguments":"{\"city\":"}}"#,
        r#"{"index":0,"function":{"arguments":"\"Rome\"}"}}"#,
        r#"{"index":1,"id":"call_2","type":"function","function":{"name":"time","arguments":"{}"}}"#,
    ];
    let parts: Vec<String> = parts
        .iter()
        .map(|part| format!(r#"data: {{"choices":[{{"index":0,"delta":{{"tool_calls":[{part}]}}}}]}}"#))
        .collect();
    let lines: Vec<&str> = [ROLE].into_iter().chain(parts.iter().map(String::as_str)).chain([STOP]).collect();
    let server = Server::streaming(events(&lines), vec![]).await;
    let whole = server.client().chat_stream(ask()).await.unwrap().into_response().await.unwrap();
    let calls = whole.tool_calls();
    assert_eq!((calls.len(), calls[0].id.as_str(), calls[1].id.as_str()), (2, "call_1", "call_2"));
    assert_eq!(calls[0].function.as_ref().unwrap().arguments, r#"{"city":"Rome"}"#);
    assert_eq!(calls[0].extra["type"], "function");
}

#[tokio::test]
async fn the_services_ask_for_what_they_need_whatever_the_caller_set() {
    let server = Server::streaming(events(&[HEL, STOP, DONE]), vec![]).await;
    let client = server.client();
    let mut asked = ask();
    asked.stream = Some(false);
    let _ = client.streaming().ready().await.unwrap().call(asked.clone()).await.unwrap();
    let _ = client.streaming().ready().await.unwrap().call(ask()).await.unwrap();
    asked.stream = Some(true);
    let _ = client.chat(asked).await;
    let _ = client.chat(ask()).await;
    let _ = client.chat(ask().set("stream", true)).await;
    let sent = server.requests();
    assert!(sent[0].contains(r#""stream":true"#) && sent[1].contains(r#""stream":true"#), "{sent:#?}");
    assert!(sent[2].contains(r#""stream":false"#) && !sent[3].contains("stream"), "{sent:#?}");
    assert!(sent[4].contains(r#""stream":false"#) && !sent[4].contains(r#""stream":true"#), "{sent:#?}");
}

#[tokio::test]
async fn dropping_a_stream_closes_its_connection() {
    let server = Server::streaming(events(&[HEL]), vec![Act::Hang]).await;
    let mut stream = server.client().chat_stream(ask()).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap().text(), "Hel");
    drop(stream);
    let closed = tokio::time::timeout(Duration::from_secs(10), server.closed.notified());
    closed.await.expect("the server sees the connection close");
}

#[tokio::test]
async fn dropping_a_call_closes_its_connection() {
    let server = Server::start(vec![Act::Hang]).await;
    let call = tokio::spawn(server.client().chat_stream(ask()));
    while server.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    call.abort();
    let closed = tokio::time::timeout(Duration::from_secs(10), server.closed.notified());
    closed.await.expect("the server sees the connection close");
}

#[test]
fn streams_and_futures_can_be_sent_to_other_threads() {
    fn assert_send<T: Send + Unpin>() {}
    assert_send::<mainstay_openai_client::ChatStream>();
    assert_send::<ChatChunk>();
    assert_send::<Error>();
}
