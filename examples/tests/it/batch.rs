//! A batch that is killed, and begun again: at a server that honours idempotency keys, and at one that does not.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write,
    fs,
    future::pending,
    path::Path,
    process::Stdio,
    time::Duration,
};

use indicatif::ProgressBar;
use mainstay::Mainstay;
use mainstay_examples::batch::{self, Answered, Results, Unknown};
use mainstay_mock_openai::{Latency, MockOpenAi, ModelPlan, Plan, WholeFault};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

use crate::example;

const LINES: usize = 400;
const PARALLEL: usize = 16;

/// A folder with prompts, half of them as the batch API writes them.
fn prompts() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::new();
    for number in 0..LINES {
        let line = if number % 2 == 0 {
            format!(r#"{{"id": "line-{number}", "prompt": "Say something of {number}."}}"#)
        } else {
            let body = format!(
                r#"{{"model": "m", "messages": [{{"role": "user", "content": "And of {number}?"}}]}}"#
            );
            format!(
                r#"{{"custom_id": "line-{number}", "method": "POST", "url": "/v1/chat/completions", "body": {body}}}"#
            )
        };
        writeln!(text, "{line}").unwrap();
    }
    fs::write(folder.path().join("prompts.jsonl"), text).unwrap();
    folder
}

fn batch(folder: &TempDir, mock: &MockOpenAi) -> Command {
    let mut command = Command::from(example("batch"));
    command.arg(folder.path().join("prompts.jsonl")).arg(folder.path().join("answers.jsonl"));
    command.args(["--parallel", &PARALLEL.to_string()]);
    let env = [("OPENAI_BASE_URL", &*mock.base_url()), ("OPENAI_API_KEY", "sk-test"), ("OPENAI_MODEL", "m")];
    command
        .envs(env.map(|(name, value)| (name, value.to_owned())))
        .env("NO_PROXY", "127.0.0.1")
        .kill_on_drop(true);
    command
}

/// The answers that are whole, by the key of their line.
fn answers(path: &Path) -> HashMap<String, Answered> {
    let text = fs::read_to_string(path).unwrap();
    let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    let answers: Vec<Answered> = whole.map(|line| serde_json::from_str(line).unwrap()).collect();
    let count = answers.len();
    let by_key: HashMap<_, _> =
        answers.into_iter().map(|answered| (answered.key.clone(), answered)).collect();
    assert_eq!(by_key.len(), count, "an answer stands there twice");
    by_key
}

/// Kills the batch, which asks again what the last one was killed over, when the server has answered so many, and returns the keys whose answers were kept by then.
async fn killed_after(served: u64, folder: &TempDir, mock: &MockOpenAi) -> Vec<String> {
    let mut child = batch(folder, mock).arg("--ask-unknown").spawn().unwrap();
    while mock.stats().ok() < served {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it could be killed");
        tokio::task::yield_now().await;
    }
    child.kill().await.unwrap();
    while mock.stats().in_flight > 0 {
        tokio::task::yield_now().await;
    }
    answers(&folder.path().join("answers.jsonl")).into_keys().collect()
}

#[tokio::test]
async fn a_batch_that_is_killed_goes_on_where_it_was_and_runs_nothing_twice() {
    let slow = Latency::Constant(Duration::from_millis(5));
    let model = ModelPlan::new().latency(slow).fault(WholeFault::ServerError, 0.02);
    let plan = Plan::new().seed(3).dedupe(true).default_model(model);
    let mock = MockOpenAi::builder().plan(plan).start().await.unwrap();
    let folder = prompts();
    let path = folder.path().join("answers.jsonl");

    let mut kept = Vec::new();
    for served in [100, 220] {
        kept = killed_after(served, &folder, &mock).await;
        let served = usize::try_from(mock.stats().ok()).unwrap();
        assert!(kept.len() + PARALLEL >= served && kept.len() < LINES, "{} of {served} kept", kept.len());
        // A crash in the middle of a line.
        let torn = fs::read_to_string(&path).unwrap() + "{\"id\": \"line-";
        fs::write(&path, torn).unwrap();
    }
    let before: BTreeMap<_, _> = mock.stats().received;

    let output = batch(&folder, &mock).arg("--ask-unknown").output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.starts_with(&format!("{} of {LINES} prompts answered in this run", LINES - kept.len())),
        "{said}"
    );

    let answers = answers(&path);
    let mut ids: Vec<_> = answers.values().map(|answered| answered.id.clone()).collect();
    ids.sort_unstable_by_key(|id| id.trim_start_matches("line-").parse::<usize>().unwrap());
    assert_eq!(ids, (0..LINES).map(|number| format!("line-{number}")).collect::<Vec<_>>());

    let stats = mock.stats();
    assert_eq!((stats.begun.len(), stats.most_begun_of_a_key()), (LINES, 1));
    assert!(kept.iter().all(|key| stats.received[key] == before[key]), "what was kept was asked again");
}

#[tokio::test]
async fn what_was_under_way_when_it_was_killed_is_told_and_asked_again_only_if_wanted() {
    let slow = ModelPlan::new().latency(Latency::Constant(Duration::from_millis(20)));
    let mock = MockOpenAi::builder().plan(Plan::new().default_model(slow)).start().await.unwrap();
    let folder = prompts();
    let path = folder.path().join("answers.jsonl");
    killed_after(100, &folder, &mock).await;

    let output = batch(&folder, &mock).output().await.unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    let told = said.lines().find(|line| line.contains("were under way")).unwrap();
    let mut unknown: Vec<_> = told.rsplit(": ").next().unwrap().split(", ").map(str::to_owned).collect();
    unknown.sort_unstable();
    assert!((1..=PARALLEL).contains(&unknown.len()), "{said}");
    let mut left: Vec<_> = (0..LINES).map(|number| format!("line-{number}")).collect();
    left.retain(|id| !answers(&path).values().any(|answered| answered.id == *id));
    left.sort_unstable();
    assert_eq!(left, unknown, "all others are answered");
    assert_eq!(mock.stats().most_begun_of_a_key(), 1, "nothing was billed twice");

    let output = batch(&folder, &mock).arg("--ask-unknown").output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(answers(&path).len(), LINES);
    let again = mock.stats().begun.values().filter(|times| **times > 1).count();
    assert!(again <= unknown.len(), "{again} of {}", unknown.len());
}

#[cfg(unix)]
#[tokio::test]
async fn who_presses_ctrl_c_is_left_with_nothing_that_may_have_been_billed() {
    let slow = ModelPlan::new().latency(Latency::Constant(Duration::from_millis(100)));
    let mock = MockOpenAi::builder().plan(Plan::new().default_model(slow)).start().await.unwrap();
    let folder = prompts();
    let child = batch(&folder, &mock).spawn().unwrap();
    while mock.stats().ok() < 50 {
        tokio::task::yield_now().await;
    }
    let pid = child.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().await.unwrap().success());
    let output = child.wait_with_output().await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let answered = answers(&folder.path().join("answers.jsonl")).len();
    assert_eq!(mock.stats().ok(), answered as u64, "{said}");
    assert!(said.contains(&format!("{} were not asked", LINES - answered)), "{said}");

    let output = batch(&folder, &mock).output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!((mock.stats().begun.len(), mock.stats().most_begun_of_a_key()), (LINES, 1));
}

#[tokio::test]
async fn a_second_ctrl_c_ends_a_batch_that_has_ended_early_and_waits() {
    let empty_purse = ModelPlan::new().sequence([WholeFault::InsufficientQuota]).fault(WholeFault::Hang, 1.0);
    let mock = MockOpenAi::builder().plan(Plan::new().default_model(empty_purse)).start().await.unwrap();
    let folder = prompts();
    let mut child = batch(&folder, &mock).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    while mock.stats().calls < PARALLEL as u64 {
        tokio::task::yield_now().await;
    }
    let pid = child.id().unwrap().to_string();
    let interrupt = || Command::new("kill").args(["-INT", &pid]).status();
    assert!(interrupt().await.unwrap().success());
    while !said.next_line().await.unwrap().unwrap().contains("no more is begun") {}
    assert!(interrupt().await.unwrap().success());
    assert_eq!(child.wait().await.unwrap().code(), Some(130));
}

#[tokio::test]
async fn a_purse_that_is_empty_ends_the_batch() {
    let plan = Plan::new().default_model(ModelPlan::new().fault(WholeFault::InsufficientQuota, 1.0));
    let mock = MockOpenAi::builder().plan(plan).start().await.unwrap();
    let folder = prompts();
    let output = batch(&folder, &mock).output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("ended early") && said.contains("quota exhausted"), "{said}");
    assert!(mock.stats().calls <= 2 * PARALLEL as u64, "{}", mock.stats().calls);
}

#[tokio::test]
async fn another_files_lines_are_not_touched() {
    let mock = MockOpenAi::builder().start().await.unwrap();
    let folder = prompts();
    let path = folder.path().join("answers.jsonl");
    fs::write(&path, "{\"somebody\": \"else's\"}\n").unwrap();
    let output = batch(&folder, &mock).output().await.unwrap();
    assert!(
        !output.status.success() && String::from_utf8_lossy(&output.stderr).contains("line 1 is no answer")
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), "{\"somebody\": \"else's\"}\n");
    assert_eq!(mock.stats().calls, 0);
}

#[tokio::test]
async fn claims_that_cannot_be_kept_end_the_batch_and_say_why() {
    let mock = MockOpenAi::builder().start().await.unwrap();
    let folder = prompts();
    let path = folder.path().join("answers.jsonl");
    let mainstay = Mainstay::builder()
        .base_url(mock.base_url())
        .idempotency(Duration::from_secs(3_600), usize::MAX)
        .idempotency_store(batch::claims(&path).unwrap())
        .build()
        .unwrap();
    mainstay.close().await;

    let lines = batch::read_lines(&folder.path().join("prompts.jsonl"), "m").unwrap();
    let (results, _) = Results::open(&path).unwrap();
    let parallel = PARALLEL.try_into().unwrap();
    let summary =
        batch::run(&mainstay, lines, &results, parallel, Unknown::Tell, &ProgressBar::hidden(), pending())
            .await;
    assert!(summary.stopped && summary.failed.len() <= 2 * PARALLEL, "{summary:?}");
    assert!(summary.failed.iter().all(|(_, why)| why.ends_with(": the file was closed")), "{summary:?}");
    assert_eq!(mock.stats().calls, 0);
}

/// Begins the demo in a folder, kills it when there are more answers than so many, and returns them.
async fn demo_killed_after(answers: usize, folder: &TempDir) -> String {
    let mut command = Command::from(example("batch"));
    let mut demo =
        command.current_dir(folder.path()).env("NO_PROXY", "127.0.0.1").kill_on_drop(true).spawn().unwrap();
    let path = folder.path().join("target/batch/answers.jsonl");
    let read = || fs::read_to_string(&path).unwrap_or_default();
    while read().lines().count() <= answers {
        assert!(demo.try_wait().unwrap().is_none(), "it ended before it could be killed");
        tokio::task::yield_now().await;
    }
    demo.kill().await.unwrap();
    read()
}

#[tokio::test]
async fn a_demo_that_is_killed_goes_on_too() {
    let folder = tempfile::tempdir().unwrap();
    let first = demo_killed_after(10, &folder).await;
    let whole = first.rsplit_once('\n').unwrap().0;
    let second = demo_killed_after(first.lines().count() + 10, &folder).await;
    assert!(second.starts_with(whole), "what was answered is gone");
}
