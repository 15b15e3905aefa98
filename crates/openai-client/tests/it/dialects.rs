//! Streams as some servers write them.

use futures_util::StreamExt;
use mainstay_fault::{FaultKind, HasFault};
use mainstay_openai_client::{ChatChunk, FinishReason};

use crate::{
    server::Server,
    streams::{DONE, HEL, LO, ROLE, STOP, ask, events, refused, told},
};

#[tokio::test]
async fn an_empty_reason_to_finish_is_none() {
    for none in ["", "null"] {
        let with = |event: &str, reason: &str| {
            event.trim_end_matches("}]}").replace(",\"finish_reason\":null", "")
                + &format!(r#","finish_reason":"{reason}"}}]}}"#)
        };
        let (role, hel, lo) = (with(ROLE, none), with(HEL, none), with(LO, none));
        let server = Server::streaming(events(&[&role, &hel, &lo]), vec![]).await;
        let (text, error) = told(&server).await;
        assert_eq!(
            (text.as_str(), error.unwrap().fault().kind),
            ("Hello", FaultKind::Interrupted),
            "{none:?}"
        );
        let server = Server::streaming(events(&[&role]), vec![]).await;
        assert_eq!(refused(&server).await.fault().kind, FaultKind::Malformed, "{none:?}");
        let server = Server::streaming(events(&[&role, &hel, &with(LO, "stop"), &role]), vec![]).await;
        let whole = server.client().chat_stream(ask()).await.unwrap().into_response().await.unwrap();
        assert_eq!((whole.text().as_ref(), whole.finish_reason()), ("Hello", Some(&FinishReason::Stop)));
    }
}

#[tokio::test]
async fn an_error_in_a_chunk_that_says_nothing_is_none() {
    let with =
        |event: &str, error: &str| format!(r#"{},"error":{error}}}"#, event.strip_suffix('}').unwrap());
    for none in ["null", "\"\"", "{}", "[]", "false", "0"] {
        let [hel, lo, stop] = [HEL, LO, STOP].map(|event| with(event, none));
        let server = Server::streaming(events(&[&hel, &lo, &stop]), vec![]).await;
        let (text, error) = told(&server).await;
        assert_eq!((text.as_str(), error.map(|error| error.fault())), ("Hello", None), "{none}");
    }
    for stated in ["\"busy\"", "true", "5"] {
        let server = Server::streaming(events(&[HEL, &with(LO, stated), STOP]), vec![]).await;
        let (text, error) = told(&server).await;
        assert_eq!((text.as_str(), error.unwrap().fault().kind), ("Hel", FaultKind::Interrupted), "{stated}");
    }
}

#[tokio::test]
async fn an_error_in_an_answer_breaks_it_though_it_says_a_reason_to_finish() {
    let broke = r#"data: {"choices":[{"index":0,"delta":{},"finish_reason":"error","error":{"code":502,"message":"gone"}}]}"#;
    let server = Server::streaming(events(&[HEL, broke, DONE]), vec![]).await;
    let (text, error) = told(&server).await;
    assert_eq!((text.as_str(), error.unwrap().fault().kind), ("Hel", FaultKind::Interrupted));
    let server = Server::streaming(events(&[ROLE, broke, DONE]), vec![]).await;
    assert_eq!(refused(&server).await.fault().kind, FaultKind::Unavailable);
}

#[tokio::test]
async fn a_content_in_parts_is_a_token_and_is_kept() {
    let parts = r#"[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]}]"#;
    let thought = format!(r#"data: {{"choices":[{{"index":0,"delta":{{"content":{parts}}}}}]}}"#);
    let server = Server::streaming(events(&[ROLE, &thought, HEL, LO, STOP, DONE]), vec![]).await;
    assert!(matches!(told(&server).await, (text, None) if text == "Hello"));
    let mut stream = server.client().chat_stream(ask()).await.unwrap();
    assert!(!stream.next().await.unwrap().unwrap().has_token());
    let chunk = stream.next().await.unwrap().unwrap();
    assert!(chunk.has_token());
    let said = serde_json::to_value(&chunk).unwrap();
    assert_eq!(said["choices"][0]["delta"]["content"].to_string(), parts);
    assert_eq!(serde_json::from_value::<ChatChunk>(said).unwrap(), chunk);
}

#[tokio::test]
async fn a_ping_is_passed_over() {
    for ping in ["event: ping\ndata: {}", "event: ping\ndata: now", r#"data: {"type":"ping"}"#] {
        let server =
            Server::streaming(events(&[ping, ROLE, ping, HEL, ping, LO, STOP, ping, DONE]), vec![]).await;
        let (text, error) = told(&server).await;
        assert_eq!((text.as_str(), error.is_none()), ("Hello", true), "{ping:?}: {error:?}");
    }
    let stated = "event: ping\ndata: {\"error\":{\"message\":\"slow down\",\"code\":429}}";
    let server = Server::streaming(events(&[stated]), vec![]).await;
    assert_eq!(refused(&server).await.fault().kind, FaultKind::RateLimited);
}
