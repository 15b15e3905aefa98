//! A process that is killed while it queues: what it was promised is there.
//!
//! A program of its own: a process that is being started holds the locks of the one that starts it for a moment.
#![allow(clippy::unwrap_used, reason = "tests may fail loudly")]

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use mainstay_fallback::queue::{Item, JsonlQueue, Sink};
use tempfile::tempdir;

const PATH: &str = "MAINSTAY_TEST_QUEUE";

/// Not a test of its own: what the killed process runs.
#[test]
fn child() {
    let Ok(path) = std::env::var(PATH) else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let queue = JsonlQueue::<u32>::open(path).unwrap();
        for n in 0.. {
            let pushes = (0..3).map(|_| queue.push(Item::new("flag", n)));
            for queued in futures_util::future::join_all(pushes).await {
                eprintln!("{}", queued.unwrap().id);
            }
        }
    });
}

#[test]
fn what_a_killed_process_was_promised_is_there() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("people.jsonl");
    let mut promised = Vec::new();
    for round in 0..20 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture"])
            .env(PATH, &path)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        // The point of the kill moves with what it has done, from its first promise on.
        promised.extend(lines.by_ref().take(1 + round * 7 % 23).map(Result::unwrap));
        child.kill().unwrap();
        child.wait().unwrap();
        promised.extend(lines.map_while(Result::ok).filter(|line| line.len() == 36));
    }
    let queue = JsonlQueue::<u32>::open(&path).unwrap();
    let kept: std::collections::HashSet<_> = queue.entries().into_iter().map(|entry| entry.id).collect();
    assert!(promised.len() >= 20);
    assert!(promised.iter().all(|id| kept.contains(id)), "a promise was broken");
}
