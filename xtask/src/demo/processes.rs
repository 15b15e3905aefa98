//! Several processes in front of one server's limit: they share it, and their keys, by Redis.

use std::{
    collections::BTreeMap,
    process::{Command, Output, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use comfy_table::{CellAlignment, Table, presets::UTF8_FULL_CONDENSED};
use mainstay::{Mainstay, RetryPolicy, backoff::Exponential, bucket::Limits, check};
use mainstay_examples::documents::{self, Document};
use mainstay_mock_openai::{MockOpenAi, Stats};
use mainstay_testkit::redis::TestServer;
use serde::{Deserialize, Serialize};

use super::{Options, pass::Pass, storm};

/// What one of the processes is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Task {
    number: usize,
    of: usize,
    /// How many documents there are for all of them.
    documents: usize,
    base_url: String,
    redis_url: String,
    concurrency: u64,
}

/// What it says at its end.
#[derive(Debug, Serialize, Deserialize)]
struct Done {
    documents: u64,
    answered: usize,
    /// Why the others were not.
    failed: BTreeMap<String, u64>,
    p50: u64,
    p99: u64,
    seconds: f64,
}

/// Every process submits so many documents that all others submit too.
const COMMON: usize = 10;
const HOUR: Duration = Duration::from_secs(3_600);

/// Shows what each of the processes had, and what the server saw. Returns what was not as it must be.
pub(crate) async fn show(options: &Options, processes: usize) -> Result<Option<String>> {
    let (requests, tokens) = storm::LIMITS;
    let documents = usize::try_from(options.documents)?.min(storm::LIMITED);
    println!(
        "{processes} processes, {documents} documents, where {requests} requests and {tokens} tokens a minute are allowed:\n"
    );
    let own = match &options.redis_url {
        None if TestServer::is_installed() => TestServer::start(&[]).await,
        _ => None,
    };
    let Some(redis_url) = options.redis_url.clone().or_else(|| own.as_ref().map(TestServer::url)) else {
        bail!("processes share limits by Redis: install redis-server, or name a server with --redis-url");
    };
    let mock = MockOpenAi::builder().plan(storm::limited(options.seed)).start().await?;
    let (base_url, concurrency) = (mock.base_url(), options.concurrency);
    let task = |number| {
        let (base_url, redis_url) = (base_url.clone(), redis_url.clone());
        Task { number, of: processes, documents, base_url, redis_url, concurrency }
    };
    let tasks: Vec<_> = (0..processes).map(task).collect();
    let done = tokio::task::spawn_blocking(move || run_all(&tasks)).await??;
    println!("{}\n", table(&done, &mock.stats()));
    Ok(shortfall(&done, &mock.stats()))
}

/// What one of the processes does.
pub(crate) async fn work(task: &str) -> Result<()> {
    let task: Task = serde_json::from_str(task).context("a task is JSON")?;
    let documents = task.part(documents::bundled(task.documents)?);
    let (requests, tokens) = storm::LIMITS;
    let backoff = Exponential::new(Duration::from_millis(100), 2.0, Duration::from_secs(10))?;
    let mainstay = Mainstay::builder()
        .base_url(&task.base_url)
        .retry(RetryPolicy::default().retries(8).backoff(backoff))
        .check(check::json)
        .limits(storm::MODEL, Limits::default().requests_per_minute(requests)?.tokens_per_minute(tokens)?)
        .idempotency(HOUR, 100_000)
        .redis_url(&task.redis_url, None)
        .redis_timeout(Duration::from_secs(30))
        .build()?;
    let pass = Pass::run("a process", mainstay.clone(), storm::MODEL, &documents, task.concurrency).await;
    mainstay.close().await;
    let done = Done {
        documents: pass.documents,
        answered: pass.answers.len(),
        failed: pass.failed.into_iter().map(|(kind, calls)| (kind.to_string(), calls)).collect(),
        p50: pass.latency.value_at_quantile(0.5),
        p99: pass.latency.value_at_quantile(0.99),
        seconds: pass.took.as_secs_f64(),
    };
    println!("{}", serde_json::to_string(&done)?);
    Ok(())
}

/// Runs all processes at the same time.
fn run_all(tasks: &[Task]) -> Result<Vec<Done>> {
    let start = |task: &Task| {
        let program = std::env::current_exe().context("this program has no path")?;
        let mut command = Command::new(program);
        command.args(["demo", "--task", &serde_json::to_string(task)?]);
        command.stdout(Stdio::piped()).spawn().context("a process cannot be started")
    };
    let started = tasks.iter().map(start).collect::<Result<Vec<_>>>()?;
    started.into_iter().map(|process| read(&process.wait_with_output()?)).collect()
}

fn read(output: &Output) -> Result<Done> {
    ensure!(output.status.success(), "a process failed: {}", output.status);
    serde_json::from_slice(&output.stdout).context("a process did not say what it had done")
}

fn table(done: &[Done], server: &Stats) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    let names = (1..=done.len()).map(|number| format!("process {number}"));
    table.set_header([String::new()].into_iter().chain(names).chain(["all".to_owned()]));
    let mut row = |name: &str, figure: &dyn Fn(&Done) -> String, all: String| {
        table.add_row([name.to_owned()].into_iter().chain(done.iter().map(figure)).chain([all]));
    };
    let none = |_: &Done| String::new();
    let sum = |figure: &dyn Fn(&Done) -> u64| done.iter().map(figure).sum::<u64>().to_string();
    row("submitted", &|done| done.documents.to_string(), sum(&|done| done.documents));
    row("answered", &|done| done.answered.to_string(), sum(&|done| done.answered as u64));
    row("upstream calls", &none, server.calls.to_string());
    row("rate limited by server", &none, server.limited.to_string());
    row("runs of the model", &none, server.begun.values().sum::<u64>().to_string());
    row("  for the same key, at most", &none, most(&server.begun).to_string());
    row("tokens billed", &none, (server.prompt_tokens + server.completion_tokens).to_string());
    let millis = |micros: u64| format!("{:.0} ms", micros as f64 / 1e3);
    row("latency p50", &|done| millis(done.p50), String::new());
    row("latency p99", &|done| millis(done.p99), String::new());
    let longest = done.iter().map(|done| done.seconds).fold(0.0, f64::max);
    row("took", &|done| format!("{:.1} s", done.seconds), format!("{longest:.1} s"));
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn most(begun: &BTreeMap<String, u64>) -> u64 {
    begun.values().copied().max().unwrap_or(0)
}

fn shortfall(done: &[Done], server: &Stats) -> Option<String> {
    let lost = done.iter().map(|done| done.documents - done.answered as u64).sum::<u64>();
    let why = done.iter().flat_map(|done| &done.failed).map(|(kind, calls)| format!("{calls} {kind}"));
    let why = why.collect::<Vec<_>>().join(", ");
    let twice = most(&server.begun) > 1;
    let refused = server.limited * 50 > server.calls;
    let says = [
        (lost > 0, format!("{lost} submissions were not answered: {why}")),
        (twice, "a key ran more than once".to_owned()),
        (refused, format!("the server refused {} of {} calls", server.limited, server.calls)),
    ];
    let says: Vec<_> = says.into_iter().filter(|(short, _)| *short).map(|(_, text)| text).collect();
    (!says.is_empty()).then(|| says.join("\n"))
}

// === impl Task ===

impl Task {
    /// The documents that all submit, and this process's part of the others.
    fn part(&self, all: Vec<Document>) -> Vec<Document> {
        let mine = |at: usize| at < COMMON || at % self.of == self.number;
        all.into_iter().enumerate().filter(|(at, _)| mine(*at)).map(|(_, document)| document).collect()
    }
}
