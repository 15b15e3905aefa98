//! What the system tells the process.
#![cfg(unix)]

use std::time::Duration;

use mainstay_mock_openai::{Latency, MockOpenAi, ModelPlan, Plan};
use tempfile::NamedTempFile;

use crate::proxy::{Proxy, ask, ask_stream, before, client, program, settings, until};

#[tokio::test]
async fn sigterm_lets_the_calls_under_way_end() {
    let slow = Latency::Constant(Duration::from_millis(20));
    let (mock, mut proxy) =
        before(ModelPlan::new().latency(Latency::Constant(Duration::from_millis(300))).per_token(slow)).await;
    let whole = tokio::spawn(proxy.post(&ask("m")).send());
    let mut stream = proxy.post(&ask_stream("m")).send().await.unwrap();
    let mut told = stream.chunk().await.unwrap().unwrap().to_vec();
    until(|| mock.stats().calls == 2).await;

    proxy.signal("TERM");
    proxy.says("told to stop").await;
    while let Some(piece) = stream.chunk().await.unwrap() {
        told.extend_from_slice(&piece);
    }
    assert!(String::from_utf8(told).unwrap().ends_with("data: [DONE]\n\n"));
    assert_eq!(whole.await.unwrap().unwrap().status(), 200);
    assert_eq!(proxy.child.wait().await.unwrap().code(), Some(0));
    assert!(client().get(proxy.url("/health")).send().await.is_err());
}

#[tokio::test]
async fn sigterm_in_the_middle_of_a_stream_ends_it_whole_and_keeps_what_is_remembered() {
    let slow = Latency::Constant(Duration::from_millis(20));
    let plan = ModelPlan::new().latency(Latency::Constant(Duration::from_millis(300))).per_token(slow);
    let mock = MockOpenAi::builder().plan(Plan::new().default_model(plan)).start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys.redb");
    let text = format!("{}\n[idempotency]\npath = {keys:?}\n", settings(&mock, &["m"]));
    let mut proxy = Proxy::start(&text).await;
    let mut stream = proxy.post(&ask_stream("m")).send().await.unwrap();
    let mut told = stream.chunk().await.unwrap().unwrap().to_vec();
    let whole = tokio::spawn(proxy.post(&ask("m")).header("Idempotency-Key", "order-7").send());
    until(|| mock.stats().calls == 2).await;

    proxy.signal("TERM");
    while let Some(piece) = stream.chunk().await.unwrap() {
        told.extend_from_slice(&piece);
    }
    assert!(String::from_utf8(told).unwrap().ends_with("data: [DONE]\n\n"));
    let answer = whole.await.unwrap().unwrap().text().await.unwrap();
    proxy.says("what is remembered is on the disk").await;
    assert_eq!(proxy.child.wait().await.unwrap().code(), Some(0));

    // The next process has the file at once, and what was answered while the last one ended.
    let proxy = Proxy::start(&text).await;
    let again = proxy.post(&ask("m")).header("Idempotency-Key", "order-7").send().await.unwrap();
    assert!(again.headers().contains_key("x-mainstay-replayed"));
    assert_eq!(again.text().await.unwrap(), answer);
    assert_eq!(mock.stats().executions["order-7"], 1);
}

#[tokio::test]
async fn sigterm_does_not_wait_for_ever() {
    let hour = Latency::Constant(Duration::from_secs(3_600));
    let mock = MockOpenAi::builder().plan(Plan::new().default_model(ModelPlan::new().latency(hour)));
    let mock = mock.start().await.unwrap();
    let mut proxy =
        Proxy::start_with(&settings(&mock, &["m"]), |command| command.args(["--grace", "0"])).await;
    let call = tokio::spawn(proxy.post(&ask("m")).send());
    until(|| mock.stats().in_flight == 1).await;
    proxy.signal("TERM");
    assert_eq!(proxy.child.wait().await.unwrap().code(), Some(0));
    assert!(call.await.unwrap().is_err());
}

#[tokio::test]
async fn sighup_reads_the_file_again_under_calls_in_flight() {
    let (mock, mut proxy) =
        before(ModelPlan::new().latency(Latency::Constant(Duration::from_millis(300)))).await;
    let call = tokio::spawn(proxy.post(&ask("m")).send());
    until(|| mock.stats().in_flight == 1).await;
    std::fs::write(&proxy.file, settings(&mock, &["n", "o"])).unwrap();
    proxy.signal("HUP");
    proxy.says("reloaded").await;
    assert_eq!(proxy.json("/health").await["models"], 2);
    assert_eq!(proxy.post(&ask("m")).send().await.unwrap().status(), 404);
    assert_eq!(proxy.post(&ask("n")).send().await.unwrap().status(), 200);
    assert_eq!(call.await.unwrap().unwrap().status(), 200);

    std::fs::write(&proxy.file, "nonsense = 7").unwrap();
    proxy.signal("HUP");
    proxy.says("not reloaded, all stays as it was").await;
    assert_eq!(proxy.post(&ask("n")).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn what_the_readme_has_logged_includes_what_is_not_reloaded() {
    let readme = include_str!("../../README.md");
    let filter = readme.split("RUST_LOG=").nth(1).unwrap().split('`').next().unwrap();
    let mock = MockOpenAi::builder().start().await.unwrap();
    let mut proxy =
        Proxy::start_with(&settings(&mock, &["m"]), |command| command.env("RUST_LOG", filter)).await;
    assert_eq!(proxy.post(&ask("m")).send().await.unwrap().status(), 200);
    proxy.says("call{").await;
    std::fs::write(&proxy.file, "nonsense = 7").unwrap();
    proxy.signal("HUP");
    proxy.says("not reloaded, all stays as it was").await;
}

#[tokio::test]
async fn the_mock_needs_no_file_and_no_key() {
    let mut command = program();
    command.arg("--mock");
    let mut proxy = Proxy::spawn(command, NamedTempFile::new().unwrap()).await;
    for _ in 0..20 {
        assert_eq!(proxy.post(&ask("gpt-4o")).send().await.unwrap().status(), 200);
    }
    let broken = proxy.post(&ask_stream("broken")).send().await.unwrap().text().await.unwrap();
    assert!(broken.contains("event: error\n") && !broken.contains("[DONE]"), "{broken}");
    proxy.signal("INT");
    proxy.says("the mock has seen").await;
    assert_eq!(proxy.child.wait().await.unwrap().code(), Some(0));
}
