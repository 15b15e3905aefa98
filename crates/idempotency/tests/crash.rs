//! A process that is killed at any moment: no answer that it handed out is lost, and nothing runs twice unasked.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests may fail loudly")]

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

use futures_util::future::join_all;
use mainstay_idempotency::{IdempotencyLayer, Memory, Redb, Refused};
use tempfile::tempdir;
use tower::{BoxError, Layer, ServiceExt, service_fn};

const FOLDER: &str = "MAINSTAY_TEST_KEYS";
const ROUND: &str = "MAINSTAY_TEST_ROUND";
const ROUNDS: usize = 100;

/// The effect of a call: a line in a file, which stays when the process is killed.
fn effect(ledger: &Mutex<File>, key: &str) -> String {
    let answer = uuid::Uuid::new_v4().to_string();
    // The process may be killed at either line too.
    eprintln!("begins {key} .");
    ledger.lock().unwrap().write_all(format!("{key} {answer}\n").as_bytes()).unwrap();
    eprintln!("has run {key} .");
    answer
}

/// Not a test of its own: what the killed process runs. It says what it does, and each answer that it hands out.
#[test]
fn child() {
    let Ok(folder) = std::env::var(FOLDER).map(PathBuf::from) else { return };
    let round: usize = std::env::var(ROUND).unwrap().parse().unwrap();
    let ledger = OpenOptions::new().append(true).create(true).open(folder.join("ran")).unwrap();
    let ledger = Arc::new(Mutex::new(ledger));
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let file = Redb::open(folder.join("keys.redb")).unwrap();
        let inner = service_fn(move |key: String| {
            let ledger = Arc::clone(&ledger);
            async move {
                tokio::task::yield_now().await;
                Ok::<_, BoxError>(effect(&ledger, &key))
            }
        });
        let layer = IdempotencyLayer::new().key(|key: &String| Some(key.as_str()));
        let service = layer.store(Memory::new().backed_by(file)).layer(inner);
        // Keys of the rounds before, and new ones.
        for n in (round * 6).saturating_sub(12).. {
            let calls = (0..3).map(|caller| service.clone().oneshot(format!("key-{}", n + caller)));
            for (caller, outcome) in join_all(calls).await.into_iter().enumerate() {
                let key = n + caller;
                match outcome {
                    Ok(answer) => eprintln!("answered key-{key} {} .", *answer),
                    Err(error) => {
                        let refused = error.downcast::<Refused>().unwrap();
                        assert!(refused.unknown_since().is_some(), "{refused}");
                        eprintln!("unknown key-{key} .");
                    }
                }
            }
        }
    });
}

/// Runs a process, and kills it after it said so many lines. Returns all that it said.
fn run_and_kill(folder: &Path, round: usize, lines: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(FOLDER, folder)
        .env(ROUND, round.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut all: Vec<_> = said.by_ref().take(lines).map(Result::unwrap).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    all.extend(said.map_while(Result::ok));
    all
}

#[test]
fn no_answer_is_lost_and_nothing_runs_twice() {
    let folder = tempdir().unwrap();
    let mut rng = fastrand::Rng::with_seed(11);
    let (mut answers, mut unknown) = (HashMap::<String, String>::new(), 0);
    for round in 0..ROUNDS {
        for line in run_and_kill(folder.path(), round, 1 + rng.usize(..60)) {
            let words: Vec<_> = line.split(' ').collect();
            match *words {
                ["answered", key, answer, "."] => {
                    let first = answers.entry(key.into()).or_insert_with(|| answer.into());
                    assert_eq!(first, answer, "{key} was answered otherwise in round {round}");
                }
                ["unknown", key, "."] => {
                    assert!(!answers.contains_key(key), "the answer to {key} is lost");
                    unknown += 1;
                }
                // A line that was cut, or the test program's own.
                _ => assert!(!line.contains("panicked"), "round {round}: {line}"),
            }
        }
    }
    let mut ran = HashMap::<String, Vec<String>>::new();
    for line in std::fs::read_to_string(folder.path().join("ran")).unwrap().lines() {
        let (key, answer) = line.split_once(' ').unwrap();
        ran.entry(key.into()).or_default().push(answer.into());
    }
    let twice: Vec<_> = ran.iter().filter(|(_, answers)| answers.len() > 1).collect();
    assert!(twice.is_empty(), "ran twice: {twice:?}");
    assert!(answers.iter().all(|(key, answer)| ran[key] == [answer.clone()]));
    assert!(answers.len() > ROUNDS && unknown > 0, "{} answers, {unknown} unknown", answers.len());
}
