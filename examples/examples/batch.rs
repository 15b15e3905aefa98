//! Asks thousands of prompts of a JSONL file at the provider's limits. Stop it by Ctrl-C, and it ends when all that it has asked
//! is answered. Kill it at any moment, and begin again: what was answered is not asked twice, and what was under way when it was
//! killed is told, and asked again only with `--ask-unknown`.
//!
//! ```sh
//! cargo run -p mainstay-examples --example batch                                  # a demo against a mock, in target/batch
//! cargo run -p mainstay-examples --example batch -- prompts.jsonl answers.jsonl   # with OPENAI_API_KEY
//! ```
#![allow(clippy::print_stdout, reason = "a program for people")]

use std::{
    fmt::Write,
    fs,
    future::pending,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::{ExitCode, exit},
    time::Duration,
};

use anyhow::{Context, Result};
use clap::Parser;
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use mainstay::{Mainstay, RetryPolicy, backoff::RetryEvent, bucket::Limits};
use mainstay_examples::{
    Server,
    batch::{self, Results, Summary, Unknown},
};
use mainstay_mock_openai::{Latency, ModelPlan, Plan, RetryAfter, WholeFault};
use tokio::sync::oneshot;

/// Asks all prompts of a file, and keeps the answers in another.
#[derive(Parser)]
struct Options {
    /// The prompts, one a line: `{"id": "a", "prompt": "…"}`, or as OpenAI's batch API has them. Without it, a demo.
    #[arg(requires = "output")]
    input: Option<PathBuf>,
    /// The answers, one a line. What is in it already is not asked again.
    output: Option<PathBuf>,
    /// Ask those again that were under way when an earlier run was killed. They may have been answered, and are then billed a
    /// second time, unless the server honours idempotency keys.
    #[arg(long)]
    ask_unknown: bool,
    /// How many prompts are asked at once.
    #[arg(long, default_value = "64")]
    parallel: NonZeroUsize,
    /// The requests a minute that the provider allows, if it does not say so in its headers.
    #[arg(long)]
    rpm: Option<u64>,
    /// The tokens a minute that the provider allows, if it does not say so in its headers.
    #[arg(long)]
    tpm: Option<u64>,
}

/// As long as a batch may take: nobody waits for a single one of its calls.
const PATIENCE: Duration = Duration::from_secs(6 * 3_600);

/// Where the files of the demo are, until all of it is answered.
const DEMO: &str = "target/batch";

/// How long it is remembered what was asked.
const YEAR: Duration = Duration::from_secs(365 * 86_400);

/// A limit that only what the server says makes narrower.
const MANY: u64 = 1_000_000_000;

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let options = Options::parse();
    let (server, input, output) = match (&options.input, &options.output) {
        (Some(input), Some(output)) => (named()?, input.clone(), output.clone()),
        _ => (Server::mock(moody()).await?, write_demo()?, Path::new(DEMO).join("answers.jsonl")),
    };
    let mut lines = batch::read_lines(&input, &server.model)?;
    let (results, done) = Results::open(&output)?;
    let all = lines.len();
    lines.retain(|line| !done.contains(&line.key));
    let before = all - lines.len();
    let bar = bar(all, before);
    let mainstay = mainstay(&options, &server, &output, &bar)?;
    let unknown = if options.ask_unknown { Unknown::AskAgain } else { Unknown::Tell };
    let summary = batch::run(&mainstay, lines, &results, options.parallel, unknown, &bar, stop()).await;
    mainstay.close().await;
    bar.abandon();
    let done = tell(&summary, all, before);
    if done == ExitCode::SUCCESS && options.input.is_none() {
        // The next demo begins anew.
        fs::remove_dir_all(DEMO)?;
    }
    Ok(done)
}

/// Resolves at the first Ctrl-C; the second ends the process, as a kill does, whatever it is at.
async fn stop() {
    let (stopped, told) = oneshot::channel();
    tokio::spawn(async {
        if tokio::signal::ctrl_c().await.is_err() {
            return;
        }
        eprintln!(
            "\nno more is begun; what is under way, or in line for a limit, is waited for, unless you press Ctrl-C again"
        );
        let _ = stopped.send(());
        if tokio::signal::ctrl_c().await.is_ok() {
            exit(130);
        }
    });
    if told.await.is_err() {
        pending::<()>().await;
    }
}

/// The server that the environment names: what a mock makes up has no place in a file of answers.
fn named() -> Result<Server> {
    Server::from_env().context(
        "no server is named: set OPENAI_API_KEY, or OPENAI_BASE_URL for a server that needs no key, and OPENAI_MODEL",
    )
}

fn mainstay(options: &Options, server: &Server, output: &Path, bar: &ProgressBar) -> Result<Mainstay> {
    let mut builder = Mainstay::builder()
        .client(|client| server.client(client))
        .idempotency(YEAR, usize::MAX)
        .idempotency_store(batch::claims(output)?);
    if options.rpm.is_some() || options.tpm.is_some() {
        let limits = Limits::default()
            .requests_per_minute(options.rpm.unwrap_or(MANY))?
            .tokens_per_minute(options.tpm.unwrap_or(MANY))?;
        builder = builder.limits(&*server.model, limits);
    }
    // A budget for retries spares a server that many others want to be served by. A batch has no others, and waits.
    let policy = RetryPolicy::default().retries(20).max_wait(Duration::from_secs(600)).without_budget();
    let bar = bar.clone();
    // Whoever waits for a server that is down sees why.
    let policy = policy.on_retry(move |RetryEvent { fault, delay, .. }| {
        bar.set_message(format!("{fault}; once more in {delay:.1?}"));
    });
    Ok(builder.deadline(PATIENCE).max_wait(PATIENCE).retry(policy).build()?)
}

/// The mock of the demo: a twentieth of its answers is an error, and its limits are those of a small account.
fn moody() -> Plan {
    let model = ModelPlan::new()
        .latency(Latency::LogNormal { median: Duration::from_millis(60), sigma: 0.4 })
        .requests_per_minute(1_500)
        .fault(WholeFault::ServerError, 0.02)
        .fault(WholeFault::Reset, 0.02)
        .fault(WholeFault::Overloaded(RetryAfter::default()), 0.01);
    Plan::new().seed(7).default_model(model)
}

fn write_demo() -> Result<PathBuf> {
    eprintln!("no files are named: a demo, at a mock that fails on purpose; kill it, and begin it again\n");
    fs::create_dir_all(DEMO)?;
    let path = Path::new(DEMO).join("prompts.jsonl");
    let mut text = String::new();
    for number in 1..=2_000 {
        writeln!(text, r#"{{"id": "demo-{number}", "prompt": "Say something of the number {number}."}}"#)?;
    }
    fs::write(&path, text)?;
    Ok(path)
}

fn bar(all: usize, done: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len}, {speed}, {eta} left, {msg}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).with_key(
        "speed",
        |state: &ProgressState, text: &mut dyn Write| {
            // The bar does not ask what came of it.
            let _ = write!(text, "{:.0}/s", state.per_sec());
        },
    );
    let bar = ProgressBar::new(all as u64).with_position(done as u64);
    bar.set_style(style);
    bar.reset_eta();
    bar
}

fn tell(summary: &Summary, all: usize, before: usize) -> ExitCode {
    let Summary { answered, failed, unknown, left, attempts, tokens, stopped, .. } = summary;
    println!(
        "{answered} of {all} prompts answered in this run, {before} before it: {attempts} calls, {tokens} tokens"
    );
    for (id, why) in failed.iter().take(5) {
        println!("  {id}: {why}");
    }
    if *stopped {
        println!("ended early: further calls would fail likewise");
    }
    if *left > 0 {
        println!("{left} were not asked; run it again to ask them");
    }
    if !failed.is_empty() {
        println!("{} failed; run it again to ask them again", failed.len());
    }
    if !unknown.is_empty() {
        println!(
            "{} were under way when an earlier run was killed, and may have been billed: {}",
            unknown.len(),
            unknown.join(", ")
        );
        println!("run it with --ask-unknown to ask them again");
    }
    if failed.is_empty() && unknown.is_empty() && *left == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
