//! Connections that die, or never speak.

use mainstay_mock_openai::{MockOpenAi, WholeFault};
use tokio::io::AsyncReadExt;

use crate::support::{End, assert_silent, chat, failing, open_chat, prompt, read_until, streamed};

/// Until the server has given the call this outcome.
async fn until_outcome(mock: &MockOpenAi, name: &str) {
    while mock.stats().outcome(name) == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_reset_is_rst_before_any_byte() {
    let mock = failing(WholeFault::Reset).await;
    for request in [prompt("x"), streamed("x")] {
        let exchange = chat(&mock, &request).await;
        assert_eq!((exchange.end, exchange.raw.len()), (End::Reset, 0));
    }
    assert_eq!((mock.stats().outcome("reset"), mock.stats().in_flight), (2, 0));
}

#[tokio::test]
async fn a_reset_in_the_body_comes_after_half_of_it() {
    let mock = failing(WholeFault::ResetMidBody).await;
    let exchange = chat(&mock, &prompt("x")).await;
    let promised: usize = exchange.header("content-length").unwrap().parse().unwrap();
    assert_eq!((exchange.end, exchange.body().len()), (End::Reset, promised / 2));
}

#[tokio::test]
async fn a_close_is_fin_without_an_answer() {
    let mock = failing(WholeFault::Close).await;
    let exchange = chat(&mock, &prompt("x")).await;
    assert_eq!((exchange.end, exchange.raw.len()), (End::Fin, 0));
    assert_eq!((mock.stats().outcome("close"), mock.stats().in_flight), (1, 0));
}

#[tokio::test]
async fn a_hang_takes_the_request_and_says_nothing() {
    let mock = failing(WholeFault::Hang).await;
    let stream = open_chat(&mock, &prompt("x")).await;
    until_outcome(&mock, "hang").await;
    assert_silent(&mock, &stream).await;
    assert_eq!(mock.stats().in_flight, 1);
    drop(stream);
    while mock.stats().in_flight > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!((mock.stats().outcome("hang"), mock.stats().outcome("client_gone")), (1, 0));
}

#[tokio::test]
async fn a_hang_after_the_headers_sends_them_and_no_more() {
    let mock = failing(WholeFault::HangAfterHeaders).await;
    for (request, kind) in [(prompt("x"), "application/json"), (streamed("x"), "text/event-stream")] {
        let mut stream = open_chat(&mock, &request).await;
        let head = read_until(&mut stream, "\r\n\r\n", 1).await;
        assert!(head.contains(kind) && head.ends_with("\r\n\r\n"), "{head}");
        assert_silent(&mock, &stream).await;
    }
}

#[tokio::test]
async fn an_endless_body_goes_on_and_on() {
    let mock = failing(WholeFault::EndlessBody).await;
    for request in [prompt("x"), streamed("x")] {
        let mut stream = open_chat(&mock, &request).await;
        let mut much = vec![0; 1 << 20];
        stream.read_exact(&mut much).await.unwrap();
        assert!(much.starts_with(b"HTTP/1.1 200 OK"));
    }
}
