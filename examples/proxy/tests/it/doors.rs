//! Who gets in, and what does not start.

use std::process::Output;

use mainstay_mock_openai::MockOpenAi;

use crate::proxy::{Proxy, ask, client, program, refusal, settings};

#[tokio::test]
async fn who_has_a_key_of_the_file_or_the_environment_gets_in() {
    let mock = MockOpenAi::builder().start().await.unwrap();
    let keys = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&keys, "# of the team\nsk-one\n\n  sk-two\n").unwrap();
    let proxy = Proxy::start_with(&settings(&mock, &["m"]), |command| {
        command.arg("--keys-file").arg(keys.path()).env("MAINSTAY_PROXY_KEYS", "sk-three,sk-four")
    })
    .await;
    for key in ["sk-one", "sk-two", "sk-three", "sk-four"] {
        assert_eq!(proxy.post(&ask("m")).bearer_auth(key).send().await.unwrap().status(), 200, "{key}");
    }
    for key in ["sk-on", "sk-onee", "", "# of the team"] {
        let response = proxy.post(&ask("m")).bearer_auth(key).send().await.unwrap();
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        let (status, error) = refusal(response).await;
        assert_eq!((status, &error["code"]), (401, &"invalid_api_key".into()), "{key:?}");
    }
    assert_eq!(refusal(proxy.get("/v1/models").await).await.0, 401);
    assert_eq!(refusal(proxy.get("/v1/what").await).await.0, 401);
    assert_eq!(client().get(proxy.url("/health")).send().await.unwrap().status(), 200);
    assert_eq!(mock.stats().calls, 4);
}

#[tokio::test]
async fn callers_who_chose_the_same_idempotency_key_are_not_told_of_each_other() {
    let mock = MockOpenAi::builder().start().await.unwrap();
    let settings = format!("{}\n[idempotency]\n", settings(&mock, &["m"]));
    let proxy =
        Proxy::start_with(&settings, |command| command.env("MAINSTAY_PROXY_KEYS", "sk-ada,sk-eve")).await;
    let ask_of = |words: &str| {
        let mut body = ask("m");
        body["messages"][0]["content"] = words.into();
        body
    };
    // Each asks something else under the key, and then the same again.
    let mut answers = Vec::new();
    for (key, words) in [("sk-ada", "Of the sea."), ("sk-eve", "Of the land."), ("sk-ada", "Of the sea.")] {
        let asked = proxy.post(&ask_of(words)).bearer_auth(key).header("Idempotency-Key", "order-7");
        let response = asked.send().await.unwrap();
        assert_eq!(response.status(), 200, "{key}");
        let replayed = response.headers().contains_key("x-mainstay-replayed");
        answers.push((replayed, response.json::<serde_json::Value>().await.unwrap()));
    }
    assert_eq!([answers[0].0, answers[1].0, answers[2].0], [false, false, true]);
    assert_eq!(answers[0].1, answers[2].1);
    assert_ne!(answers[0].1, answers[1].1);
    // The same question too runs for each of them.
    let eve = proxy.post(&ask_of("Of the sea.")).bearer_auth("sk-eve").header("Idempotency-Key", "order-8");
    let ada = proxy.post(&ask_of("Of the sea.")).bearer_auth("sk-ada").header("Idempotency-Key", "order-8");
    for asked in [eve, ada] {
        assert!(!asked.send().await.unwrap().headers().contains_key("x-mainstay-replayed"));
    }
    let executions = mock.stats().executions;
    assert_eq!((executions.len(), mock.stats().calls), (4, 4));
    assert!(executions.keys().all(|key| key.contains("-order-") && !key.contains("sk-")), "{executions:?}");
}

async fn refused(args: &[&str], keys: Option<&str>) -> String {
    let mut command = program();
    command.args(args);
    if let Some(keys) = keys {
        command.env("MAINSTAY_PROXY_KEYS", keys);
    }
    let Output { status, stderr, .. } = command.output().await.unwrap();
    assert_eq!(status.code(), Some(2));
    String::from_utf8(stderr).unwrap()
}

#[tokio::test]
async fn what_was_to_be_locked_is_not_left_open() {
    let error = refused(&["--mock"], Some(" , ")).await;
    assert!(error.contains("MAINSTAY_PROXY_KEYS holds no key"), "{error}");
    let error = refused(&["--mock", "--keys-file", "no/such/file"], None).await;
    assert!(error.contains("cannot read no/such/file"), "{error}");
}

#[test]
fn the_example_file_can_be_used() {
    let config = mainstay::Config::from_path(concat!(env!("CARGO_MANIFEST_DIR"), "/proxy.toml")).unwrap();
    assert_eq!(config.routes.keys().collect::<Vec<_>>(), ["chat", "extract"]);
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_named_with_its_line() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, "deadline = \"1m\"\nroute = 7\n").unwrap();
    let path = file.path().to_str().unwrap();
    let error = refused(&["--config", path], None).await;
    assert!(error.contains(path) && error.contains("line 2") && error.contains("`route`"), "{error}");
    let error = refused(&[], None).await;
    assert!(error.contains("--config") && error.contains("--mock"), "{error}");
    let error = refused(&["--config", "no/such/file"], None).await;
    assert!(error.contains("no/such/file: ") && error.matches("os error 2").count() == 1, "{error}");
}
