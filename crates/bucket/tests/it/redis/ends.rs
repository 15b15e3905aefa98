//! What calls settle when their limits, their runtime or the server went away before them.

use std::time::Duration;

use mainstay_bucket::{Reason, ServerLimits, redis::SharedLimits};
use mainstay_testkit::redis::{Partition, TestServer, eventually};
use tokio::{runtime::Builder, task::spawn_blocking, time::timeout};

use super::{away::quick, patient, shared, take};

#[tokio::test]
async fn a_call_that_outlives_its_limits_is_settled() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let limits = shared(100, 100).in_flight(1).unwrap().on(patient(&server));
    let stream = take(&limits, 100).await.unwrap();
    drop(limits);
    let others = shared(100, 100).in_flight(1).unwrap().on(patient(&server));
    take(&others, 1).await.unwrap_err();
    stream.settle(40);
    eventually("the rest is given back", async || take(&others, 60).await.ok()).await.settle(60);
}

#[tokio::test]
async fn what_the_last_handle_gives_back_is_handed_in_when_the_server_is_there_again() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let network = Partition::before(&server).await;
    let redis = quick(&network.url());
    let limits = shared(100, 100).lease(50, 90, Duration::from_secs(3_600)).on(redis.clone());
    eventually("it answers", async || take(&limits, 1).await.ok()).await.cancel();
    network.drop_all(true);
    drop(limits);
    eventually("it was tried", async || redis.is_away().then_some(())).await;
    network.drop_all(false);
    let others = shared(100, 100).on(patient(&server));
    eventually("the lease is given back", async || take(&others, 100).await.ok()).await.cancel();
}

#[tokio::test]
async fn calls_are_settled_though_the_first_runtime_has_ended() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let limits = shared(100, 100).on(patient(&server));
    let first = limits.clone();
    spawn_blocking(move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { take(&first, 10).await.unwrap().settle(10) });
    })
    .await
    .unwrap();
    // The connection has ended with the runtime, too.
    let call = eventually("it is connected anew", async || take(&limits, 90).await.ok()).await;
    call.settle(0);
    let others = shared(100, 100).on(patient(&server));
    eventually("what was not used is given back", async || take(&others, 90).await.ok()).await.settle(90);
}

#[tokio::test]
async fn calls_that_the_server_refuses_leave_no_names_behind() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let _: String = server.ask(&["SET", "mainstay:{model}:limits", "nonsense"]).await;
    let limits = shared(100, 100).in_flight(1).unwrap().on(patient(&server));
    for _ in 0..2_000 {
        assert_eq!(take(&limits, 1).await.unwrap_err().reason(), Reason::Away);
    }
    let _: u64 = server.ask(&["DEL", "mainstay:{model}:limits"]).await;
    take(&limits, 1).await.unwrap().settle(1);
    assert!(limits.flush().await);
    let stats: String = server.ask(&["INFO", "commandstats"]).await;
    assert!(stats.contains("cmdstat_zrem:calls=1,"), "{stats}");
}

#[tokio::test]
async fn very_many_calls_that_end_at_once_are_all_handed_in() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let limits = SharedLimits::new("model").in_flight(2_500).unwrap().on(patient(&server));
    let mut calls = Vec::new();
    for _ in 0..2_500 {
        calls.push(take(&limits, 0).await.unwrap());
    }
    drop(calls);
    assert!(limits.flush().await);
    assert_eq!(server.ask::<u64>(&["ZCARD", "mainstay:{model}:calls"]).await, 0);
    let stats: String = server.ask(&["INFO", "commandstats"]).await;
    assert!(stats.contains("cmdstat_zrem:calls=2500,"), "{stats}");
    let settled: Vec<String> = server.ask(&["KEYS", "mainstay:{model}:settled:*"]).await;
    assert_eq!(server.ask::<u64>(&["GET", &settled[0]]).await, 3, "a thousand at a time");
}

#[tokio::test]
async fn a_word_on_what_is_left_grows_old_with_who_handed_it_in() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let network = Partition::before(&server).await;
    let limits = shared(100, 100).on(quick(&network.url()));
    let call = eventually("it answers", async || take(&limits, 10).await.ok()).await;
    network.drop_all(true);
    let mut word = ServerLimits::default();
    word.tokens.remaining = Some(0);
    call.learn(&word);
    call.settle(5);
    timeout(Duration::ZERO, limits.flush()).await.expect_err("nobody answers");
    network.drop_all(false);
    eventually("it is handed in", async || limits.flush().await.then_some(())).await;
    assert_eq!(limits.tokens_available(), Some(95));
}

#[tokio::test]
async fn a_word_on_what_is_left_that_came_while_the_server_was_away_is_not_handed_in_later() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let network = Partition::before(&server).await;
    let limits = shared(100, 100).on(quick(&network.url()));
    let mut calls = Vec::new();
    for _ in 0..4 {
        calls.push(eventually("it answers", async || take(&limits, 10).await.ok()).await);
    }
    network.drop_all(true);
    let mut word = ServerLimits::default();
    word.tokens.remaining = Some(0);
    for (at, call) in calls.into_iter().enumerate() {
        call.learn(&word);
        call.settle(5);
        // The first who hands in goes away meanwhile.
        let most = if at == 0 { Duration::ZERO } else { Duration::MAX };
        assert_ne!(timeout(most, limits.flush()).await, Ok(true));
    }
    network.carry_new();
    eventually("it is handed in", async || limits.flush().await.then_some(())).await;
    assert_eq!(limits.tokens_available(), Some(80));
}
