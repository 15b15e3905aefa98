//! Processes that are really others.

use std::{
    collections::HashMap,
    fs::OpenOptions,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use mainstay_idempotency::{Claimed, IdempotencyLayer, Kept, Memory, Redis, RedisKeys, StoreError};
use mainstay_testkit::redis::TestServer;
use tokio::task::spawn_blocking;
use tower::{BoxError, Layer, ServiceExt, service_fn};

use super::{asked, claim, daring, keys, run};

const URL: &str = "MAINSTAY_TEST_REDIS";
const LEDGER: &str = "MAINSTAY_TEST_LEDGER";
const HANGS: &str = "MAINSTAY_TEST_HANGS";
const STOPS: &str = "MAINSTAY_TEST_STOPS";
const KEYS: usize = 50;

/// Not a test of its own: what a process of the tests below does. Each effect is a line in a file.
#[tokio::test]
async fn worker() {
    let Ok(url) = std::env::var(URL) else { return };
    let keys = RedisKeys::on(Redis::open(&url).unwrap().timeout(Duration::from_secs(10)));
    if std::env::var_os(HANGS).is_some() {
        let _held = run(&keys.lease(Duration::from_millis(200)), asked("a")).await;
        eprintln!("has begun.");
        return std::future::pending().await;
    }
    if std::env::var_os(STOPS).is_some() {
        let held = run(&keys.lease(Duration::from_millis(200)), asked("a")).await;
        eprintln!("has begun.");
        // Time enough to be stopped, as long as it takes to be woken: a line comes then.
        tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new()))
            .await
            .unwrap()
            .unwrap();
        let outcome = held.keep(&Kept::Answered(1)).await;
        return eprintln!("lost: {}.", matches!(outcome, Err(StoreError::Lost { .. })));
    }
    let inner = service_fn(|key: String| async move {
        let mut ledger = OpenOptions::new().append(true).create(true).open(std::env::var(LEDGER)?)?;
        ledger.write_all(format!("{key}\n").as_bytes())?;
        tokio::time::sleep(Duration::from_millis(2)).await;
        Ok::<_, BoxError>(uuid::Uuid::new_v4().to_string())
    });
    let layer = IdempotencyLayer::new().key(|key: &String| Some(key.as_str()));
    let service = layer.store(Memory::new().backed_by(keys)).layer(inner);
    for n in 0..KEYS {
        let answer = service.clone().oneshot(format!("key-{n}")).await.unwrap();
        eprintln!("answered key-{n} {} .", *answer);
    }
}

fn start(url: &str, ledger: &Path, hangs: bool) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "shared::processes::worker", "--nocapture"]);
    command.env(URL, url).env(LEDGER, ledger).stdout(Stdio::null()).stderr(Stdio::piped());
    if hangs {
        command.env(HANGS, "yes");
    }
    command.spawn().unwrap()
}

#[tokio::test]
async fn four_processes_run_each_key_once_and_all_have_its_answer() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let folder = tempfile::tempdir().unwrap();
    let (url, ledger) = (server.url(), folder.path().join("ran"));
    let file = ledger.clone();
    let said = spawn_blocking(move || {
        let processes: Vec<_> = (0..4).map(|_| start(&url, &file, false)).collect();
        processes.into_iter().map(|process| process.wait_with_output().unwrap()).collect::<Vec<_>>()
    })
    .await
    .unwrap();
    let mut ran: Vec<_> = std::fs::read_to_string(&ledger).unwrap().lines().map(str::to_owned).collect();
    ran.sort_unstable();
    ran.dedup();
    assert_eq!(ran.len(), KEYS);
    assert_eq!(std::fs::read_to_string(&ledger).unwrap().lines().count(), KEYS, "each once");
    let mut answers = HashMap::new();
    for output in &said {
        assert!(output.status.success());
        let text = String::from_utf8_lossy(&output.stderr);
        for line in text.lines().filter_map(|line| line.strip_prefix("answered ")) {
            let (key, answer) = line.split_once(' ').unwrap();
            *answers.entry((key.to_owned(), answer.to_owned())).or_insert(0) += 1;
        }
    }
    assert_eq!(answers.len(), KEYS, "one answer for each key");
    assert!(answers.values().all(|times| *times == 4), "which all have");
}

#[tokio::test]
async fn a_leader_that_is_killed_leaves_an_unknown_outcome() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let url = server.url();
    spawn_blocking(move || {
        let mut leader = start(&url, Path::new("unused"), true);
        let said = BufReader::new(leader.stderr.take().unwrap()).lines();
        let begun = said.map_while(Result::ok).any(|line| line.contains("has begun."));
        leader.kill().unwrap();
        leader.wait().unwrap();
        assert!(begun);
    })
    .await
    .unwrap();
    let ours = keys(&server.url());
    assert!(matches!(claim(&ours, asked("a")).await, Claimed::Unknown(_)));
    drop(run(&ours, daring("a")).await);
}

fn signal(process: &Child, signal: &str) {
    let status = Command::new("kill").args([signal, &process.id().to_string()]).status().unwrap();
    assert!(status.success());
}

#[tokio::test]
async fn a_leader_that_stands_still_beyond_its_lease_has_lost_its_key() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "shared::processes::worker", "--nocapture"]).env(URL, server.url());
    command.env(STOPS, "yes").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut leader = command.spawn().unwrap();
    let mut said = BufReader::new(leader.stderr.take().unwrap()).lines().map_while(Result::ok);
    let (leader, mut said) = spawn_blocking(move || {
        assert!(said.any(|line| line.contains("has begun.")));
        signal(&leader, "-STOP");
        (leader, said)
    })
    .await
    .unwrap();
    let ours = keys(&server.url());
    assert!(matches!(claim(&ours, asked("a")).await, Claimed::Unknown(_)), "after its lease it is unknown");
    let successor = run(&ours, daring("a")).await;
    spawn_blocking(move || {
        signal(&leader, "-CONT");
        let mut leader = leader;
        leader.stdin.take().unwrap().write_all(b"go on\n").unwrap();
        let heard = said.find_map(|line| Some(line.split_once("lost: ")?.1.to_owned()));
        assert!(leader.wait().unwrap().success());
        assert_eq!(heard.as_deref(), Some("true."));
    })
    .await
    .unwrap();
    successor.keep(&Kept::Answered(2)).await.unwrap();
    assert!(matches!(claim(&ours, asked("a")).await, Claimed::Ended(Kept::Answered(2), _)));
}
