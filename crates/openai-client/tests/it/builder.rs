//! Settings that cannot be used.

use mainstay_openai_client::Client;

use crate::server::Server;

const KEY: &str = "sk-very-secret-123";

#[test]
fn a_base_url_that_is_no_url_is_named_with_its_value() {
    for url in ["not a url", "localhost:8080", "ftp://example.com", "http://", "file:///etc/passwd", "/v1"] {
        let error = Client::builder().base_url(url).api_key(KEY).build().unwrap_err();
        assert_eq!(error.field(), "base_url", "{url:?}: {error}");
        assert!(error.to_string().contains(&format!("{url:?}")), "{error}");
    }
}

#[test]
fn a_base_url_that_is_the_url_of_a_call_is_refused() {
    let whole = "https://example.com/v1/chat/completions";
    let error = Client::builder().base_url(whole).build().unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("base_url: {whole:?}: must end before /chat/completions, which is added to it")
    );
}

#[test]
fn an_empty_base_url_is_said_to_be_empty() {
    let error = Client::builder().base_url("").build().unwrap_err();
    assert!(error.to_string().starts_with("base_url: \"(empty)\""), "{error}");
}

#[test]
fn credentials_in_a_url_are_refused_and_not_shown() {
    let error = Client::builder().base_url("https://me:hunter2@example.com/v1").build().unwrap_err();
    assert!(error.to_string().contains("credentials") && !error.to_string().contains("hunter2"), "{error}");
}

#[test]
fn openai_needs_a_key_and_a_server_of_ones_own_does_not() {
    let error = Client::builder().build().unwrap_err();
    assert_eq!(error.field(), "api_key");
    assert!(error.to_string().contains("OPENAI_API_KEY"), "{error}");
    Client::builder().base_url("http://127.0.0.1:1/v1").build().unwrap();
}

#[test]
fn a_key_that_cannot_be_sent_is_refused_and_not_shown() {
    for key in ["", "  ", "sk-secret\nx"] {
        let error = Client::builder().api_key(key).build().unwrap_err();
        assert_eq!(error.field(), "api_key", "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[test]
fn a_header_that_cannot_be_sent_is_named() {
    let base = || Client::builder().base_url("http://127.0.0.1:1/v1");
    assert_eq!(base().header("x y", "1").build().unwrap_err().field(), "header");
    assert_eq!(base().header("x-y", "1\n").build().unwrap_err().field(), "header");
    assert_eq!(base().organization("o\n").build().unwrap_err().field(), "organization");
    assert_eq!(base().idempotency_header("a b").build().unwrap_err().field(), "idempotency_header");
}

#[tokio::test]
async fn headers_and_paths_are_as_the_api_wants_them() {
    let server = Server::answering("HTTP/1.1 200 OK", b"{\"data\":[]}").await;
    let client = server
        .builder()
        .api_key(KEY)
        .organization("org-1")
        .project("proj-1")
        .header("X-Team", "docs")
        .build()
        .unwrap();
    client.models().await.unwrap();
    let request = server.requests()[0].to_lowercase();
    assert!(request.starts_with("get /v1/models http/1.1\r\n"), "{request}");
    for header in [
        &format!("authorization: bearer {KEY}"),
        "openai-organization: org-1",
        "openai-project: proj-1",
        "x-team: docs",
    ] {
        assert!(request.contains(header), "{header:?} is not in {request}");
    }
}
