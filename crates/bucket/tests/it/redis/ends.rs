//! What calls settle when their limits, their runtime or the server went away before them.

use std::time::Duration;

use mainstay_bucket::redis::Redis;
use mainstay_testkit::redis::{Partition, TestServer, eventually};
use tokio::{runtime::Builder, task::spawn_blocking};

use super::{patient, shared, take};

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
    let redis = Redis::open(&network.url()).unwrap();
    let redis = redis.timeout(Duration::from_millis(200)).retry_every(Duration::from_millis(20));
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
