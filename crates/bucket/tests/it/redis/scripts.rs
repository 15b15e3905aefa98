//! What comes twice counts once: who sends it does not know whether it arrived.

use mainstay_testkit::redis::TestServer;

const TAKE: &str = include_str!("../../../src/redis/take.lua");
const SETTLE: &str = include_str!("../../../src/redis/settle.lua");
const LIMITS: &str = "mainstay:{m}:limits";
const CALLS: &str = "mainstay:{m}:calls";
const SETTLED: &str = "mainstay:{m}:settled:1";
/// A day for each token, in sixteenths of a microsecond.
const PRICE: &str = "1382400000000";
const MINUTE: &str = "60000000";

/// Of 100 tokens and 10 requests, takes 60 and one.
async fn take(server: &TestServer, call: &str, most: &str) -> Vec<i64> {
    let words = ["EVAL", TAKE, "2", LIMITS, CALLS];
    let limits = ["60", "0", "100", PRICE, "1", "0", "10", PRICE, most, call, MINUTE];
    server.ask(&[&words[..], &limits[..]].concat()).await
}

/// Gives back 50 tokens.
async fn settle(server: &TestServer, number: &str) -> Vec<i64> {
    let words = ["EVAL", SETTLE, "3", LIMITS, CALLS, SETTLED];
    let change = ["-50", "-1", "100", PRICE, "0", "-1", "10", PRICE, "0", number, "a"];
    server.ask(&[&words[..], &change[..]].concat()).await
}

async fn balance(server: &TestServer) -> f64 {
    server.ask::<String>(&["HGET", LIMITS, "tokens"]).await.parse().unwrap()
}

#[tokio::test]
async fn a_call_that_asks_twice_is_granted_once() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let first = take(&server, "a", "5").await;
    assert_eq!((first[0], first[7]), (0, 1));
    let after = balance(&server).await;
    assert_eq!(take(&server, "a", "5").await[..4], [0, 0, 0, 0]);
    assert_eq!((balance(&server).await, server.ask::<u64>(&["ZCARD", CALLS]).await), (after, 1));
    // Another call is not granted: 60 more are not there.
    assert_eq!(take(&server, "b", "5").await[0], 1);
}

#[tokio::test]
async fn a_batch_that_is_handed_in_twice_counts_once() {
    let Some(server) = TestServer::start(&[]).await else { return };
    assert_eq!(take(&server, "a", "5").await[0], 0);
    let taken = balance(&server).await;
    settle(&server, "1").await;
    let settled = balance(&server).await;
    let days = (taken - settled) / PRICE.parse::<f64>().unwrap();
    assert!((days - 50.0).abs() < 0.01, "{days}");
    assert_eq!(server.ask::<u64>(&["EXISTS", CALLS]).await, 0);
    for number in ["1", "0"] {
        settle(&server, number).await;
        assert_eq!(balance(&server).await.to_bits(), settled.to_bits());
    }
    settle(&server, "2").await;
    assert!(balance(&server).await < settled);
}
