//! Keys are never shown. In a program of its own: what is met by a thread without a subscriber, just as another one gets its first,
//! may stay silent.
#![allow(clippy::unwrap_used, reason = "tests may fail loudly")]

#[expect(dead_code, reason = "the other tests use the rest")]
#[path = "it/server.rs"]
mod server;

use std::sync::{Arc, Mutex};

use mainstay_openai_client::{ChatRequest, Client};
use tracing_subscriber::fmt::MakeWriter;

use server::Server;

const KEY: &str = "sk-very-secret-123";

#[tokio::test]
async fn a_key_is_never_shown() {
    let server = Server::answering("HTTP/1.1 401 Unauthorized", b"{\"error\":{\"message\":\"no\"}}").await;
    let log = Log::default();
    let subscriber =
        tracing_subscriber::fmt().with_writer(log.clone()).with_max_level(tracing::Level::TRACE).finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let builder = server.builder().api_key(KEY).header("x-api-key", KEY);
    let settings = format!("{builder:?}");
    let client = builder.build().unwrap();
    let error = client.chat(ChatRequest::new("m")).await.unwrap_err();
    let shown = format!("{settings} {client:?} {error} {error:?} {:?}", client.streaming());
    drop(guard);
    assert!(!shown.contains(KEY), "{shown}");
    let log = log.text();
    assert!(log.contains("the API answered"), "the log is there: {log}");
    assert!(!log.contains(KEY), "{log}");
    assert!(server.requests()[0].contains(KEY), "the key is sent");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_told_of() {
    let server = Server::start(vec![server::Act::Hang]).await;
    let log = Log::default();
    let subscriber =
        tracing_subscriber::fmt().with_writer(log.clone()).with_max_level(tracing::Level::DEBUG).finish();
    let guard = tracing::subscriber::set_default(subscriber);
    server.client().chat(ChatRequest::new("m")).await.unwrap_err();
    drop(guard);
    let log = log.text();
    assert!(log.contains("the API did not answer") && log.contains("timeout"), "{log}");
}

#[test]
fn a_secret_in_a_base_url_is_never_shown() {
    for url in [
        format!("htps://user:{KEY}@example.com/v1"),
        format!("user:{KEY}@example.com/v1"),
        format!("example.com/v1?key={KEY}"),
        format!("https://user:{KEY}@example.com/v1"),
    ] {
        let builder = Client::builder().base_url(&url);
        let settings = format!("{builder:?}");
        let error = builder.build().unwrap_err();
        let shown = format!("{settings} {error} {error:?}");
        assert!(shown.contains("base_url") && !shown.contains(KEY), "{shown}");
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
