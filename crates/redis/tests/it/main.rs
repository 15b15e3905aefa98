//! What a caller sees of a server that comes and goes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly")]

#[cfg(feature = "tls")]
mod tls;

use std::time::Duration;

use mainstay_redis::{Away, Redis, Script};
use mainstay_testkit::redis::{Partition, TestServer, cluster, eventually};

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
async fn an_error_of_a_script_is_told_and_keeps_nobody_from_asking() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let patient = Redis::open(&server.url()).unwrap().timeout(Duration::from_secs(30));
    let redis = patient.retry_every(Duration::from_secs(3_600));
    let error = redis.run::<u64>(&Script::new("return redis.call('NONSENSE')").key("n")).await.unwrap_err();
    assert!(matches!(error, Away::Refused(_)), "{error:?}");
    let _: u64 = server.ask(&["LPUSH", "list", "a"]).await;
    let counts = Script::new("return redis.call('INCR', KEYS[1])");
    let error = redis.run::<u64>(&counts.key("list")).await.unwrap_err();
    assert!(matches!(error, Away::Refused(_)), "{error:?}");
    let nothing = Script::new("return false");
    let error = redis.run::<String>(&nothing.key("n")).await.unwrap_err();
    assert!(matches!(error, Away::Refused(_)), "{error:?}");
    assert_eq!(redis.run::<Option<String>>(&nothing.key("n")).await.unwrap(), None);
    assert!(!redis.is_away());
    assert_eq!(count(&redis).await.unwrap(), 1);
}

#[tokio::test]
async fn a_server_whose_memory_is_full_is_away() {
    let Some(server) = TestServer::start(&["--maxmemory", "1"]).await else { return };
    let redis = Redis::open(&server.url()).unwrap().timeout(Duration::from_secs(30));
    assert!(matches!(count(&redis).await, Err(Away::Failed(_))));
    assert!(redis.is_away());
}

#[tokio::test]
async fn a_connection_that_swallows_all_is_replaced() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let network = Partition::before(&server).await;
    let redis = Redis::open(&network.url()).unwrap().retry_every(Duration::from_millis(20));
    assert_eq!(eventually("it answers", async || count(&redis).await.ok()).await, 1);
    network.drop_all(true);
    // In the connection, and then in the making of a new one.
    for _ in 0..2 {
        let silent = eventually("it is asked", async || match count(&redis).await {
            Err(Away::LeftAlone) => None,
            outcome => Some(outcome),
        });
        assert!(matches!(silent.await, Err(Away::Silent(_))));
    }
    network.carry_new();
    assert_eq!(eventually("it is connected anew", async || count(&redis).await.ok()).await, 2);
}

#[tokio::test]
async fn a_connection_that_was_closed_while_idle_is_no_absence() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let redis = Redis::open(&server.url()).unwrap().timeout(Duration::from_secs(30));
    for calls in 1..5 {
        assert_eq!(count(&redis).await.unwrap(), calls);
        let _: u64 = server.ask(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).await;
    }
}

#[tokio::test]
async fn a_password_that_was_refused_is_tried_again() {
    let Some(server) = TestServer::start(&["--requirepass", "early"]).await else { return };
    let url = format!("redis://:late@127.0.0.1:{}/", server.port());
    let redis = Redis::open(&url).unwrap().timeout(Duration::from_secs(30)).retry_every(Duration::ZERO);
    assert!(matches!(count(&redis).await, Err(Away::Failed(_))));
    server.admit("early", &["CONFIG", "SET", "requirepass", "late"]).await;
    assert_eq!(count(&redis).await.unwrap(), 1);
}

#[tokio::test]
async fn a_cluster_is_connected_though_a_node_is_silent() {
    let Some(nodes) = cluster().await else { return };
    let urls: Vec<_> = nodes.iter().map(TestServer::url).collect();
    let redis = Redis::cluster(urls.iter().map(String::as_str)).unwrap();
    let redis = redis.retry_every(Duration::from_millis(20));
    nodes[2].signal("-STOP");
    // `n` lies in slot 3432, on the first node. Connecting takes longer than anyone waits.
    assert_eq!(eventually("the first node answers", async || count(&redis).await.ok()).await, 1);
    nodes[2].signal("-CONT");
}

#[test]
fn an_address_that_is_none_is_refused_and_no_password_is_printed() {
    let error = Redis::open("secret@localhost:6379").unwrap_err().to_string();
    assert!(error.contains("redis://HOST:PORT/") && !error.contains("secret"), "{error}");
    Redis::cluster([]).unwrap_err();
    let redis = Redis::open("redis://:secret@127.0.0.1:1/").unwrap();
    assert!(!format!("{redis:?}").contains("secret"));
}
