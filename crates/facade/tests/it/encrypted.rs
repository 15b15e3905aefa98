//! What processes share, by an encrypted way.

use std::{error::Error, fs, time::Duration};

use mainstay::{Builder, ChatRequest, Config, FaultKind, HasFault, Mainstay, bucket::Limits};
use mainstay_mock_openai::MockOpenAi;
use mainstay_testkit::redis::TlsServer;

fn builder(mock: &MockOpenAi, redis: &TlsServer) -> Builder {
    let limits = Limits::default().requests_per_minute(60).unwrap();
    let builder = Mainstay::builder().base_url(mock.base_url()).limits("m", limits);
    builder.redis_url(redis.url(), None).redis_timeout(Duration::from_secs(60))
}

fn ask() -> ChatRequest {
    ChatRequest::new("m").user("Hello.")
}

#[tokio::test]
async fn limits_are_shared_by_a_server_whose_certificate_is_trusted() {
    let Some(redis) = TlsServer::start(&[]).await else { return };
    let mock = MockOpenAi::builder().start().await.unwrap();
    let mainstay = builder(&mock, &redis).redis_ca_file(redis.certificate()).build().unwrap();
    mainstay.chat(ask()).await.unwrap();
    mainstay.close().await;
    let keys: Vec<String> = redis.plain().ask(&["KEYS", "mainstay:*"]).await;
    assert!(!keys.is_empty(), "nothing is shared");
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_shares_nothing_and_fails_calls_at_once() {
    let Some(redis) = TlsServer::start(&[]).await else { return };
    let mock = MockOpenAi::builder().start().await.unwrap();
    let mainstay = builder(&mock, &redis).build().unwrap();
    let failure = mainstay.chat(ask()).await.unwrap_err();
    assert_eq!(failure.fault().kind, FaultKind::Shed);
    assert_eq!(mock.stats().calls, 0);
}

#[test]
fn what_is_wrong_with_the_certificates_is_said_and_the_address_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("roots.pem");
    let said = |url: &str| {
        let text = format!("redis_url = {{ insecure = {url:?} }}\nredis_ca_file = {path:?}");
        let error = Mainstay::from_toml(&text).unwrap_err();
        let text = format!("{error}: {:?}", error.source().map(ToString::to_string));
        assert!(!text.contains("secret"), "{text}");
        text
    };
    let missing = said("rediss://:secret@host/");
    assert!(missing.contains("redis_ca_file") && missing.contains("cannot be read"), "{missing}");
    fs::write(&path, "nothing").unwrap();
    let empty = said("rediss://:secret@host/");
    assert!(empty.contains("redis_ca_file") && empty.contains("no certificate"), "{empty}");
    let plain = said("redis://:secret@host/");
    assert!(plain.contains("redis_ca_file") && plain.contains("rediss://"), "{plain}");
    let anybody = said("rediss://:secret@host/#insecure");
    assert!(anybody.contains("redis_url") && anybody.contains("#insecure"), "{anybody}");
    let alone = Config::from_toml("redis_ca_file = \"roots.pem\"").unwrap_err().to_string();
    assert!(alone.contains("without redis_url"), "{alone}");
}
