use mainstay::{ChatRequest, FaultKind, HasFault, Mainstay};
use mainstay_mock_openai::MockOpenAi;
use tokio::net::TcpListener;

#[test]
fn a_setting_that_cannot_be_used_is_named() {
    let error = Mainstay::builder().base_url("nowhere").build().unwrap_err();
    assert!(error.to_string().starts_with("base_url: \"nowhere\""), "{error}");
    let error = Mainstay::builder().build().unwrap_err();
    assert!(error.to_string().contains("OPENAI_API_KEY"), "{error}");
}

#[test]
fn keys_are_not_shown() {
    let builder = Mainstay::builder().base_url("http://127.0.0.1:1/v1").api_key("sk-secret");
    let shown = format!("{builder:?}");
    let mainstay = builder.build().unwrap();
    assert!(!shown.contains("sk-secret") && !format!("{mainstay:?}").contains("sk-secret"), "{shown}");
}

#[test]
fn it_can_be_shared_and_sent() {
    fn assert_shared<T: Clone + Send + Sync + 'static>() {}
    fn assert_send<T: Send>() {}
    assert_shared::<Mainstay>();
    assert_send::<mainstay::ChatFuture>();
    assert_send::<mainstay::StreamFuture>();
}

#[tokio::test]
async fn it_is_a_service_and_its_parts_can_be_taken_out() {
    use tower::{ServiceExt, service_fn};

    let mock = MockOpenAi::builder().start().await.unwrap();
    let mainstay = Mainstay::builder().base_url(mock.base_url()).build().unwrap();
    let ask = || ChatRequest::new("m").user("Hello?");
    assert!(!mainstay.clone().oneshot(ask()).await.unwrap().text().is_empty());
    assert!(!mainstay.chat_service().oneshot(ask()).await.unwrap().text().is_empty());
    assert!(!mainstay.clients().values().next().unwrap().chat(ask()).await.unwrap().text().is_empty());
    let _ = service_fn(move |request| mainstay.chat(request)).oneshot(ask()).await.unwrap();
    assert_eq!(mock.stats().ok(), 4);
}

#[tokio::test]
async fn a_refused_connection_is_an_error_that_says_where() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let policy = mainstay::RetryPolicy::default().retries(0);
    let mainstay = Mainstay::builder().base_url(format!("http://{gone}/v1")).retry(policy).build().unwrap();
    let error = mainstay.chat(ChatRequest::new("m").user("Hello?")).await.unwrap_err();
    assert_eq!(error.fault().kind, FaultKind::Connect);
    assert!(error.to_string().contains(&gone.to_string()), "{error}");
}

#[test]
fn the_layers_alone_compile_nothing_of_http_or_stores() {
    let tree = std::process::Command::new(env!("CARGO"))
        .args([
            "tree",
            "--package=mainstay",
            "--no-default-features",
            "--edges=normal",
            "--prefix=none",
            "--offline",
        ])
        .output()
        .unwrap();
    let tree = String::from_utf8(tree.stdout).unwrap();
    assert!(tree.contains("mainstay-router"), "{tree}");
    for heavy in ["reqwest", "hyper", "redb", "redis", "mainstay-openai-client", "schemars", "toml"] {
        assert!(!tree.lines().any(|line| line.split(' ').next() == Some(heavy)), "{heavy}");
    }
}
