use std::process::{Command, Stdio};

use mainstay_bucket::redis::Redis;
use mainstay_testkit::redis::TestServer;

use super::{shared, take};

const URL: &str = "MAINSTAY_TEST_REDIS";
const LEASE: &str = "MAINSTAY_TEST_LEASE";
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
