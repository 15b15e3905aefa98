//! Each limit covers what it says, bodies included.

use std::{pin::pin, time::Duration};

use futures_util::{FutureExt, StreamExt};
use mainstay_fault::{FaultKind, HasCall, HasFault};
use mainstay_openai_client::{ChatRequest, ChatStream};
use tokio::time::Instant;
use tower::Service;

use crate::server::{Act, Server};

/// Short, and the only thing that a test here waits for.
const LIMIT: Duration = Duration::from_millis(30);
const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n";
const TOKEN: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\"}}]}\n\n";
const ROLE: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"}}]}\n\n";

fn ask() -> ChatRequest {
    ChatRequest::new("m").user("Hello?")
}

#[tokio::test]
async fn the_total_covers_a_stream_too() {
    let server = Server::streaming(ROLE, vec![Act::Hang]).await;
    let error = server.builder().timeout(LIMIT).build().unwrap().chat_stream(ask()).await.unwrap_err();
    assert_eq!(error.fault().kind, FaultKind::Timeout, "{error}");
    assert!(error.to_string().starts_with("timed out: no whole answer within 30ms ("), "{error}");
}

#[tokio::test]
async fn the_total_covers_head_and_body() {
    for acts in [vec![Act::Hang], vec![Act::Say(HEAD.into()), Act::Hang]] {
        let server = Server::start(acts).await;
        let error = server.builder().timeout(LIMIT).build().unwrap().chat(ask()).await.unwrap_err();
        assert_eq!(error.fault().kind, FaultKind::Timeout, "{error}");
        assert!(error.to_string().starts_with("timed out: no whole answer within 30ms ("), "{error}");
    }
}

#[tokio::test]
async fn the_calls_deadline_is_tighter_than_the_attempts_own() {
    let server = Server::start(vec![Act::Say(HEAD.into()), Act::Hang]).await;
    let error = server.client().chat(ask().deadline(Instant::now() + LIMIT)).await.unwrap_err();
    assert_eq!(error.fault().kind, FaultKind::Timeout, "{error}");
    assert!(error.to_string().starts_with("timed out at the call's deadline ("), "{error}");
}

#[tokio::test]
async fn what_came_before_the_time_was_over_is_told() {
    let head = b"HTTP/1.1 429 Too Many Requests\r\nx-request-id: req_1\r\ncontent-length: 100\r\n\r\n";
    let server = Server::start(vec![Act::Say(head.into()), Act::Hang]).await;
    let client = server.builder().timeout(LIMIT).build().unwrap();
    let whole = client.chat(ask()).await.unwrap_err();
    let streamed = client.chat_stream(ask()).await.unwrap_err();
    for error in [whole, streamed] {
        assert_eq!(error.fault().kind, FaultKind::Timeout, "{error}");
        assert_eq!((error.status().unwrap().as_u16(), error.request_id()), (429, Some("req_1")));
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_there_is_not_lost_to_who_comes_late() {
    let answer = br#"{"choices":[{"message":{"role":"assistant","content":"Hello!"}}]}"#;
    let server = Server::answering("HTTP/1.1 200 OK", answer).await;
    let (own, calls) = (server.builder().timeout(LIMIT).build().unwrap(), server.client());
    for (client, left) in [(own, 2 * LIMIT), (calls, LIMIT)] {
        let mut call = pin!(client.chat(ask().deadline(Instant::now() + left)));
        let before = server.requests().len();
        while server.requests().len() == before {
            assert!(call.as_mut().now_or_never().is_none(), "the answer does not come before the request");
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(3 * LIMIT).await;
        assert_eq!(call.await.unwrap().text(), "Hello!");
    }
}

#[tokio::test]
async fn the_first_token_is_waited_for_whatever_else_comes() {
    let silent = Server::start(vec![Act::Hang]).await;
    let headers_only = Server::streaming("", vec![Act::Hang]).await;
    let role_only = Server::streaming(ROLE, vec![Act::Hang]).await;
    let keep_alive = Server::streaming("", vec![Act::Forever(b": ping\n\n".into())]).await;
    for server in [silent, headers_only, role_only, keep_alive] {
        let client = server.builder().first_token_timeout(LIMIT).build().unwrap();
        let error = client.chat_stream(ask()).await.unwrap_err();
        assert_eq!(error.fault().kind, FaultKind::Timeout, "{error}");
        assert!(error.to_string().contains("first token"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_token_limit_does_not_fail_a_call_that_has_nowhere_else_to_go() {
    let server = Server::streaming(ROLE, vec![Act::Hang]).await;
    let client = server.builder().first_token_timeout(LIMIT).timeout(2 * LIMIT).build().unwrap();
    for goes_on in [true, false] {
        let mut service = client.streaming().moving_if(move |request| {
            let call = request.call().unwrap();
            assert_eq!(call.key.as_deref(), Some("order-17"), "it is asked of this very call");
            goes_on
        });
        let error = service.call(ask().key("order-17")).await.unwrap_err();
        assert_eq!(error.fault().kind, FaultKind::Timeout, "{error}");
        assert_eq!(
            error.to_string().contains("first token"),
            goes_on,
            "else all of its time is used: {error}"
        );
    }
}

#[tokio::test]
async fn a_stall_between_tokens_is_an_interruption() {
    let stalled = Server::streaming(TOKEN, vec![Act::Hang]).await;
    let keep_alive = Server::streaming(TOKEN, vec![Act::Forever(ROLE.into())]).await;
    for server in [stalled, keep_alive] {
        let client = server.builder().between_tokens_timeout(LIMIT).build().unwrap();
        let items: Vec<_> = client.chat_stream(ask()).await.unwrap().collect().await;
        let error = items.last().unwrap().as_ref().unwrap_err();
        assert_eq!(error.fault().kind, FaultKind::Interrupted, "{error}");
        assert!(error.to_string().contains("further token"), "{error}");
    }
}

/// A stream of one token, of which the next comes in two halves: one at once, the other after 25 s.
async fn halting() -> ChatStream {
    let (half, rest) = TOKEN.split_at(20);
    let rest = format!("{rest}data: [DONE]\n\n");
    let then = vec![Act::Pause(Duration::from_secs(25)), Act::Say(rest.into())];
    let server = Server::streaming(TOKEN.to_owned() + half, then).await;
    let client = server.builder().between_tokens_timeout(Duration::from_secs(10)).build().unwrap();
    let mut stream = client.chat_stream(ask()).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap().text(), "Hel");
    stream
}

#[tokio::test(start_paused = true)]
async fn a_reader_who_takes_his_time_blames_nobody() {
    for has_asked in [false, true] {
        let mut stream = halting().await;
        if has_asked {
            assert!(stream.next().now_or_never().is_none(), "the other half is not here yet");
        }
        tokio::time::sleep(Duration::from_secs(20)).await;
        let items: Vec<_> = stream.collect().await;
        assert_eq!(items.len(), 1, "asked before: {has_asked}");
        assert_eq!(items[0].as_ref().unwrap().text(), "Hel", "asked before: {has_asked}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_token_is_not_late_either_for_a_reader_who_was_away() {
    let seconds = |seconds| Act::Pause(Duration::from_secs(seconds));
    let end = format!("{TOKEN}data: [DONE]\n\n");
    let then = vec![seconds(15), Act::Say(ROLE.into()), seconds(10), Act::Say(end.into())];
    let server = Server::streaming(TOKEN, then).await;
    let client = server.builder().between_tokens_timeout(Duration::from_secs(12)).build().unwrap();
    let mut stream = client.chat_stream(ask()).await.unwrap();
    stream.next().await.unwrap().unwrap();
    assert!(stream.next().now_or_never().is_none(), "nothing else is here yet");
    tokio::time::sleep(Duration::from_secs(20)).await;
    let items: Vec<_> = stream.collect().await;
    assert!(items.len() == 2 && items.iter().all(Result::is_ok), "{items:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stall_is_noticed_whatever_time_the_reader_took_before() {
    let server = Server::streaming(TOKEN, vec![Act::Hang]).await;
    let client = server.builder().between_tokens_timeout(Duration::from_secs(10)).build().unwrap();
    for has_asked in [false, true] {
        let mut stream = client.chat_stream(ask()).await.unwrap();
        stream.next().await.unwrap().unwrap();
        if has_asked {
            assert!(stream.next().now_or_never().is_none());
        }
        tokio::time::sleep(Duration::from_secs(20)).await;
        let began = Instant::now();
        assert_eq!(stream.next().await.unwrap().unwrap_err().fault().kind, FaultKind::Interrupted);
        assert_eq!(began.elapsed().as_secs(), 10, "asked before: {has_asked}");
    }
}

#[tokio::test(start_paused = true)]
async fn time_that_runs_out_while_nobody_reads_is_not_the_servers() {
    let server = Server::streaming(TOKEN, vec![Act::Hang]).await;
    let (limit, seconds) = (Duration::from_secs(30), Duration::from_secs);
    let own = server.builder().timeout(limit).between_tokens_timeout(2 * limit).build().unwrap();
    let calls = server.builder().between_tokens_timeout(2 * limit).build().unwrap();
    for (away, has_asked, unread) in
        [(31, false, true), (31, true, true), (29, false, true), (5, false, false), (0, true, false)]
    {
        for (client, is_calls) in [(&own, false), (&calls, true)] {
            let request = if is_calls { ask().deadline(Instant::now() + limit) } else { ask() };
            let mut stream = client.chat_stream(request).await.unwrap();
            stream.next().await.unwrap().unwrap();
            if has_asked {
                assert!(stream.next().now_or_never().is_none());
            }
            tokio::time::sleep(seconds(away)).await;
            let fault = stream.next().await.unwrap().unwrap_err().fault();
            assert_eq!(fault.kind, FaultKind::Interrupted);
            assert_eq!(fault.unread, unread, "away for {away} s, asked before: {has_asked}");
        }
    }
}

#[tokio::test]
async fn a_limit_without_end_is_none() {
    let server = Server::streaming(TOKEN.to_owned() + "data: [DONE]\n\n", vec![]).await;
    let (client, max) = (server.builder(), Duration::MAX);
    let client = client.between_tokens_timeout(max).first_token_timeout(max).timeout(max).build().unwrap();
    let items: Vec<_> = client.chat_stream(ask()).await.unwrap().collect().await;
    assert!(items.len() == 1 && items[0].is_ok(), "{items:?}");
}

#[tokio::test]
async fn the_total_covers_a_stream_to_its_end() {
    let server = Server::streaming(TOKEN, vec![Act::Hang]).await;
    let client = server.builder().timeout(LIMIT).build().unwrap();
    let items: Vec<_> = client.chat_stream(ask()).await.unwrap().collect().await;
    assert_eq!(items.last().unwrap().as_ref().unwrap_err().fault().kind, FaultKind::Interrupted);
}

#[tokio::test]
async fn the_total_covers_a_stream_before_its_first_token() {
    let server = Server::streaming(ROLE, vec![Act::Hang]).await;
    let error = server.builder().timeout(LIMIT).build().unwrap().chat_stream(ask()).await.unwrap_err();
    assert_eq!(error.fault().kind, FaultKind::Timeout);
}
