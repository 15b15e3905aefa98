//! The examples that call a model: without a key, at the mock that they bring along, and with one, at the server that is named.

use std::process::Command;

use mainstay_mock_openai::{MockOpenAi, ModelPlan, Plan, Stats, WholeFault};
use tempfile::TempDir;

use crate::{example, said};

/// An example where the environment names no server.
fn keyless(name: &str) -> Command {
    let mut command = example(name);
    for variable in ["OPENAI_BASE_URL", "OPENAI_API_KEY", "OPENAI_MODEL", "OPENAI_SMALL_MODEL"] {
        command.env_remove(variable);
    }
    command.env("NO_PROXY", "127.0.0.1");
    command
}

/// Runs an example at a server that knows one key, and returns what it said and what the server has seen.
async fn keyed(name: &str, args: &[&str]) -> (String, Stats) {
    keyed_at(ModelPlan::new(), &tempfile::tempdir().unwrap(), name, args).await
}

/// The same, at a server both of whose models have this plan, in a folder.
async fn keyed_at(model: ModelPlan, folder: &TempDir, name: &str, args: &[&str]) -> (String, Stats) {
    let plan = Plan::new().model("m", model.clone()).model("small", model);
    let mock = MockOpenAi::builder().plan(plan.key("sk-test")).start().await.unwrap();
    let mut command = keyless(name);
    command
        .args(args)
        .current_dir(folder.path())
        .env("OPENAI_BASE_URL", mock.base_url())
        .env("OPENAI_API_KEY", "sk-test");
    command.env("OPENAI_MODEL", "m").env("OPENAI_SMALL_MODEL", "small");
    let text = tokio::task::spawn_blocking(move || said(&mut command)).await.unwrap();
    (text, mock.stats())
}

#[test]
fn a_question_is_answered_without_a_key() {
    let output = keyless("chat").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let story = String::from_utf8(output.stderr).unwrap();
    // A rate limit, an overload, and half an answer.
    assert!(story.contains("asking a mock") && story.matches("once more in").count() == 3, "{story}");
    assert!(!output.stdout.is_empty());
}

#[test]
fn an_answer_is_streamed_without_a_key() {
    let output = keyless("stream").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let story = String::from_utf8(output.stderr).unwrap();
    assert!(story.matches("once more in").count() == 2 && story.contains("tokens in"), "{story}");
    assert!(!output.stdout.is_empty());
}

#[tokio::test]
async fn a_question_is_answered_by_the_server_that_is_named() {
    for name in ["chat", "stream"] {
        let (text, stats) = keyed(name, &["What is a mainstay?"]).await;
        assert!(text.len() > 10, "{text}");
        assert_eq!((stats.ok(), stats.calls), (1, 1), "{name}");
    }
}

#[test]
fn no_document_is_lost_without_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let text = said(keyless("document_pipeline").arg("60").current_dir(folder.path()));
    for day in ["94 % succeed", "large model down", "both models down", "rate limits", "slow"] {
        assert!(text.contains(day), "{day} is not in\n{text}");
    }
    let chart = std::fs::read_to_string(folder.path().join("target/document_pipeline.svg")).unwrap();
    assert!(chart.contains("both models down"));
}

#[tokio::test]
async fn documents_are_read_by_the_server_that_is_named() {
    let (text, stats) = keyed("document_pipeline", &["8"]).await;
    assert!(text.contains("today") && text.contains("100.0 %") && !text.contains("94 %"), "{text}");
    // Each once by the bare client, and once through the tiers.
    assert_eq!(stats.calls, 16);
}

#[tokio::test]
async fn help_asks_nobody() {
    for name in ["chat", "stream", "document_pipeline"] {
        let (text, stats) = keyed(name, &["--help"]).await;
        assert!(text.contains("Usage:"), "{text}");
        assert_eq!(stats.calls, 0, "{name}");
    }
    let none = keyless("document_pipeline").arg("0").output().unwrap();
    assert!(String::from_utf8_lossy(&none.stderr).contains("0 is not in 1..=254"), "{none:?}");
}

#[test]
fn no_file_gets_the_answers_of_a_mock() {
    let folder = tempfile::tempdir().unwrap();
    let (prompts, answers) = (folder.path().join("prompts.jsonl"), folder.path().join("answers.jsonl"));
    std::fs::write(&prompts, "{\"id\": \"a\", \"prompt\": \"What is a mainstay?\"}\n").unwrap();
    let output = keyless("batch").arg(&prompts).arg(&answers).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("OPENAI_API_KEY"), "{said}");
    assert!(!answers.exists());
}

#[tokio::test]
async fn what_real_documents_leave_for_people_stays_in_the_queue() {
    let folder = tempfile::tempdir().unwrap();
    let down = ModelPlan::new().fault(WholeFault::ServerError, 1.0);
    let (text, _) = keyed_at(down, &folder, "document_pipeline", &["30"]).await;
    let row = text.lines().find(|line| line.contains("today")).unwrap();
    let people = row.split(['│', '┆']).find_map(|cell| cell.trim().split_once(" (")).unwrap().0;
    let queue = std::fs::read_to_string(folder.path().join("target/document_pipeline/today.jsonl")).unwrap();
    assert!(queue.lines().count() > 0, "{text}");
    assert_eq!(queue.lines().count().to_string(), people, "{text}");
    assert!(
        text.contains(&format!("{people} for people, in target/document_pipeline/today.jsonl")),
        "{text}"
    );
}
