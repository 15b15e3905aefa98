use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::Duration,
};

use mainstay_bucket::redis::{Redis, RedisLimits, SharedLimits};
use mainstay_testkit::redis::{TestServer, eventually};

use super::{daily, patient, shared, take};

const URL: &str = "MAINSTAY_TEST_REDIS";
const LEASE: &str = "MAINSTAY_TEST_LEASE";
const HOLDS: &str = "MAINSTAY_TEST_HOLDS";
const BOUND: u64 = 4_000;

/// What a process of the tests below does: takes until it is refused, and says how often.
#[tokio::test]
async fn worker() {
    let Ok(url) = std::env::var(URL) else { return };
    let mut settings = shared(BOUND * 3, BOUND);
    if std::env::var_os(LEASE).is_some() {
        settings = settings.lease(20, 60, std::time::Duration::from_millis(50));
    }
    let limits = settings.on(Redis::open(&url).unwrap().timeout(std::time::Duration::from_secs(10)));
    let mut granted = 0;
    while let Ok(reservation) = take(&limits, 3).await {
        drop(reservation);
        granted += 1;
    }
    println!("granted {granted}.");
}

/// Two calls may be under way; one that says nothing of its end counts for so long.
fn two_places(redis: Redis) -> RedisLimits {
    let places = SharedLimits::new("places").requests(100, daily()).in_flight(2).unwrap();
    places.longest_call(Duration::from_millis(1_500)).on(redis)
}

/// A fifth of all in advance, for an hour.
fn leased(redis: Redis) -> RedisLimits {
    shared(100, 100).lease(20, 20, Duration::from_secs(3_600)).on(redis)
}

/// What the process does that is killed: it holds both places, and has a lease.
#[tokio::test]
async fn holder() {
    let Ok(url) = std::env::var(HOLDS) else { return };
    let redis = Redis::open(&url).unwrap().timeout(Duration::from_secs(10));
    let (places, leased) = (two_places(redis.clone()), leased(redis));
    let _held = (take(&places, 0).await.unwrap(), take(&places, 0).await.unwrap());
    let _call = take(&leased, 1).await.unwrap();
    println!("holds.");
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_process_that_is_killed_keeps_its_places_for_a_while_and_never_widens_a_limit() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let url = server.url();
    tokio::task::spawn_blocking(move || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "redis::processes::holder", "--nocapture"]).env(HOLDS, url);
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(process.stdout.take().unwrap()).lines();
        let holds = said.map_while(Result::ok).any(|line| line.contains("holds."));
        process.kill().unwrap();
        process.wait().unwrap();
        assert!(holds);
    })
    .await
    .unwrap();
    let places = two_places(patient(&server));
    let calls = eventually("the places come free", async || {
        Some([take(&places, 0).await.ok()?, take(&places, 0).await.ok()?])
    });
    drop(calls.await);
    // What it had taken in advance is gone until it refills; what it had not is there.
    let leased = shared(100, 100).on(patient(&server));
    take(&leased, 80).await.unwrap_err();
    take(&leased, 79).await.unwrap().settle(79);
}

/// What four processes are granted, each.
fn granted(url: &str, lease: bool) -> Vec<u64> {
    let program = std::env::current_exe().unwrap();
    let start = |_| {
        let mut command = Command::new(&program);
        command.args(["--exact", "redis::processes::worker", "--nocapture"]).env(URL, url);
        if lease {
            command.env(LEASE, "yes");
        }
        command.stdout(Stdio::piped()).spawn().unwrap()
    };
    let processes: Vec<_> = (0..4).map(start).collect();
    let outputs = processes.into_iter().map(|process| process.wait_with_output().unwrap());
    let outputs = outputs.map(|output| String::from_utf8(output.stdout).unwrap());
    let number = |text: String| text.split_once("granted ")?.1.split_once('.')?.0.parse().ok();
    outputs.map(|text| number(text).expect("a process says what it was granted")).collect()
}

async fn check(lease: bool) {
    let Some(server) = TestServer::start(&[]).await else { return };
    let url = server.url();
    let granted = tokio::task::spawn_blocking(move || granted(&url, lease)).await.unwrap();
    let sum: u64 = granted.iter().sum();
    assert!(sum <= BOUND && sum * 100 >= BOUND * 95, "{granted:?}");
    assert!(granted.iter().filter(|granted| **granted > 0).count() > 1, "{granted:?}");
}

#[tokio::test]
async fn four_processes_share_one_limit() {
    check(false).await;
}

#[tokio::test]
async fn four_processes_share_one_limit_by_leases() {
    check(true).await;
}
