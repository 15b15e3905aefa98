//! What a caller sees of a server that comes and goes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly")]

use std::time::Duration;

use mainstay_redis::{Away, Redis, Script};
use mainstay_testkit::redis::{TestServer, eventually};

async fn count(redis: &Redis) -> Result<u64, Away> {
    redis.run(&Script::new("return redis.call('INCR', KEYS[1])").key("n")).await
}

#[tokio::test]
async fn it_is_left_alone_for_a_while_and_found_again() {
    let Some(mut server) = TestServer::start(&[]).await else { return };
    let redis = Redis::open(&server.url()).unwrap().retry_every(Duration::from_millis(50));
    assert_eq!(eventually("it answers", async || count(&redis).await.ok()).await, 1);
    server.kill();
    assert!(matches!(count(&redis).await, Err(Away::Failed(_))));
    assert!(redis.is_away());
    server.restart().await;
    assert_eq!(eventually("it is asked again", async || count(&redis).await.ok()).await, 1);
    assert!(!redis.is_away());
}

#[tokio::test]
async fn while_it_is_left_alone_nobody_asks() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let patient = Redis::open(&server.url()).unwrap().timeout(Duration::from_secs(30));
    assert_eq!(count(&patient).await.unwrap(), 1);
    let redis = patient.clone().timeout(Duration::from_millis(100)).retry_every(Duration::from_secs(3_600));
    server.signal("-STOP");
    assert!(matches!(count(&redis).await, Err(Away::Silent(_))));
    server.signal("-CONT");
    for _ in 0..10 {
        assert!(matches!(count(&redis).await, Err(Away::LeftAlone)));
    }
    let keys: u64 = eventually("it is back", async || Some(server.ask(&["GET", "n"]).await)).await;
    assert!(keys <= 2, "{keys}");
}

#[tokio::test]
async fn an_error_of_a_script_is_told() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let redis = Redis::open(&server.url()).unwrap().timeout(Duration::from_secs(30));
    let error = redis.run::<u64>(&Script::new("return redis.call('NONSENSE')").key("n")).await.unwrap_err();
    assert!(matches!(error, Away::Failed(_)), "{error:?}");
}

#[test]
fn an_address_that_is_none_is_refused_and_no_password_is_printed() {
    Redis::open("nonsense").unwrap_err();
    let redis = Redis::open("redis://:secret@127.0.0.1:1/").unwrap();
    assert!(!format!("{redis:?}").contains("secret"));
}
