use std::time::Duration;

use mainstay_testkit::redis::{TestServer, eventually};

use super::{patient, shared, take};

#[tokio::test]
async fn a_lease_saves_round_trips_and_gives_back_what_is_left() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let lease = |time| shared(1_000, 100).lease(20, 200, time).on(patient(&server));
    let ours = lease(Duration::from_secs(3_600));
    for _ in 0..40 {
        take(&ours, 10).await.unwrap().settle(10);
    }
    let stats: String = server.ask(&["INFO", "commandstats"]).await;
    let asked = stats.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls=")).unwrap();
    let asked: u64 = asked.split(',').next().unwrap().parse().unwrap();
    assert!(asked <= 4, "{asked} round trips for 40 calls");

    // All is there for the others that was not used, and nothing more.
    assert!(ours.flush().await);
    let theirs = shared(1_000, 100).on(patient(&server));
    let _rest = take(&theirs, 600).await.unwrap();
    take(&theirs, 1).await.unwrap_err();
    assert!(take(&ours, 1).await.is_err(), "spent what it had given back");
}

#[tokio::test]
async fn a_lease_ends_by_itself() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let ours = shared(100, 100).lease(50, 90, Duration::from_millis(20)).on(patient(&server));
    let _one = take(&ours, 10).await.unwrap();
    let theirs = shared(100, 100).on(patient(&server));
    drop(eventually("the lease is given back", async || take(&theirs, 90).await.ok()).await);
}

#[tokio::test]
async fn the_last_handle_gives_back_its_lease() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let hour = Duration::from_secs(3_600);
    let ours = shared(100, 100).lease(50, 90, hour).on(patient(&server));
    drop(take(&ours, 10).await.unwrap());
    drop(ours);
    let theirs = shared(100, 100).on(patient(&server));
    drop(eventually("the lease is given back", async || take(&theirs, 90).await.ok()).await);
}
