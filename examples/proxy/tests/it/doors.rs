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
    assert!(error.contains("--config"), "{error}");
}
