//! What becomes of calls while the server is away, or a record is not as it should be.

use std::time::Duration;

use mainstay_fault::{FaultKind, HasFault};
use mainstay_idempotency::{Claimed, Kept, Redis, RedisKeys, Store, StoreError};
use mainstay_testkit::redis::{Partition, TestServer, eventually};
use tokio::time::timeout;
use tower::ServiceExt;

use super::{HOUR, asked, claim, daring, hasty, keys, process, run};
use crate::support::Ask;

#[tokio::test]
async fn a_network_that_drops_all_hangs_nobody_and_runs_nothing_twice() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let partition = Partition::before(&server).await;
    let near = hasty(&partition.url()).lease(Duration::from_millis(100));
    let held = eventually("it is granted", async || match Store::<u32>::claim(&near, asked("a")).await {
        Ok(Claimed::Run(hold)) => Some(hold),
        _ => None,
    })
    .await;
    partition.drop_all(true);
    let (service, record) = process(near.clone(), Duration::ZERO);
    let call = timeout(Duration::from_secs(30), service.clone().oneshot(Ask(Some("b"), 1)));
    assert_eq!(call.await.expect("a call hangs").unwrap_err().fault().kind, FaultKind::Shed);
    // On the other side the lease ends, and the outcome is unknown: nobody runs it unasked.
    let far = keys(&server.url());
    assert!(matches!(claim(&far, asked("a")).await, Claimed::Unknown(_)));
    let successor = run(&far, daring("a")).await;
    partition.drop_all(false);
    eventually("calls run again", async || service.clone().oneshot(Ask(Some("b"), 1)).await.ok()).await;
    assert_eq!(record.calls(), 1);
    let error = held.keep(&Kept::Answered(1)).await.unwrap_err();
    assert!(matches!(error, StoreError::Lost { .. }), "{error}");
    successor.keep(&Kept::Answered(2)).await.unwrap();
}

#[tokio::test]
async fn while_the_server_is_away_calls_are_refused_and_do_not_run() {
    let Some(mut server) = TestServer::start(&[]).await else { return };
    let (service, record) = process(hasty(&server.url()), Duration::ZERO);
    server.kill();
    for n in 0..20 {
        let key = ["a", "b"][n % 2];
        let call = service.clone().oneshot(Ask(Some(key), 1));
        let failed = timeout(Duration::from_secs(30), call).await.expect("a call hangs").unwrap_err();
        assert_eq!(failed.fault().kind, FaultKind::Shed);
    }
    assert_eq!(record.calls(), 0);
    server.restart().await;
    eventually("calls run again", async || service.clone().oneshot(Ask(Some("a"), 1)).await.ok()).await;
    assert_eq!(record.calls(), 1);
}

#[tokio::test]
async fn an_answer_that_comes_while_the_server_stands_still_is_kept_later() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let ours = hasty(&server.url());
    let held = eventually("it is granted", async || match Store::<u32>::claim(&ours, asked("a")).await {
        Ok(Claimed::Run(hold)) => Some(hold),
        _ => None,
    })
    .await;
    server.signal("-STOP");
    let error = held.keep(&Kept::Answered(1)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    server.signal("-CONT");
    assert!(matches!(claim(&keys(&server.url()), asked("a")).await, Claimed::Ended(Kept::Answered(1), _)));
}

#[tokio::test]
async fn an_answer_is_kept_though_the_server_has_forgotten_the_claim() {
    let Some(mut server) = TestServer::start(&[]).await else { return };
    let ours = keys(&server.url());
    let held = run(&ours, asked("a")).await;
    server.kill();
    server.restart().await;
    // The connection is found broken at first.
    let _ = held.keep(&Kept::Answered(1)).await;
    Store::<u32>::close(&ours).await.unwrap();
    assert!(matches!(claim(&keys(&server.url()), asked("a")).await, Claimed::Ended(Kept::Answered(1), _)));
}

#[tokio::test]
async fn a_lease_is_renewed_soon_after_the_server_was_away() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let network = Partition::before(&server).await;
    let lease = Duration::from_secs(30);
    let held = run(&hasty(&network.url()).lease(lease), asked("a")).await;
    let until = || async { server.ask::<u64>(&["HGET", "mainstay:key:a", "until"]).await };
    let first = until().await;
    network.drop_all(true);
    // A third of the lease passes, and renewing it fails.
    tokio::time::pause();
    tokio::time::sleep(lease / 3 + Duration::from_secs(1)).await;
    tokio::time::resume();
    network.carry_new();
    let soon = eventually("it is renewed", async || (until().await > first).then_some(()));
    timeout(lease / 6, soon).await.expect("it waits for another third");
    held.keep(&Kept::Answered(1)).await.unwrap();
}

#[tokio::test]
async fn one_record_of_another_kind_does_not_stop_the_others() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let _: String = server.ask(&["SET", "mainstay:key:a", "mine"]).await;
    let redis = Redis::open(&server.url()).unwrap().timeout(Duration::from_secs(10)).retry_every(HOUR);
    let ours = RedisKeys::on(redis);
    for n in 0..3 {
        assert!(Store::<u32>::claim(&ours, asked("a")).await.is_err());
        run(&ours, asked(&format!("b{n}"))).await.keep(&Kept::Answered(n)).await.unwrap();
    }
    // Nothing is left to be given back for which it would be asked again and again.
    timeout(Duration::from_secs(30), Store::<u32>::close(&ours)).await.unwrap().unwrap();
}
