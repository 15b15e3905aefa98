//! `cargo xtask demo`: real documents through a server that fails on purpose, bare and with Mainstay.

mod pass;
mod processes;
mod report;
mod storm;
mod tiers;
mod twice;

use std::{process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use clap::Args;
use mainstay::{
    Builder, FaultKind, HasFault, Mainstay, RetryPolicy,
    backoff::{Exponential, RetryEvent},
    bucket::Limits,
    check,
    openai::{Client, ClientBuilder},
};
use mainstay_examples::documents::{self, Document};
use mainstay_mock_openai::{MockOpenAi, Plan};

use self::pass::{Pass, Waits};

/// What to send, and where.
#[derive(Args)]
pub(crate) struct Options {
    /// A real server's base URL, `https://api.openai.com/v1` for one; its key is read from `OPENAI_API_KEY`.
    #[arg(long, requires = "model")]
    base_url: Option<String>,
    /// The real server's model.
    #[arg(long, requires = "base_url")]
    model: Option<String>,
    /// How many of the 254 documents to send.
    #[arg(long, default_value_t = 254, value_parser = clap::value_parser!(u64).range(1..=254))]
    documents: u64,
    /// How many calls to have under way at once.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..=1024))]
    concurrency: u64,
    /// The seed of the storm: another one brings other faults to other documents.
    #[arg(long, default_value_t = 6)]
    seed: u64,
    /// How many processes share one server's limits, by Redis. More than one show only that.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=16))]
    processes: u64,
    /// The Redis server of several processes: `redis-server` is started unless one is named.
    #[arg(long, requires = "processes")]
    redis_url: Option<String>,
    /// What one of several processes is to do.
    #[arg(long, hide = true)]
    task: Option<String>,
}

/// Where the calls of one pass go.
struct Target {
    base_url: String,
    model: String,
    /// Ours, begun anew for each pass, unless a real server was named.
    mock: Option<MockOpenAi>,
}

/// How long one attempt may take, with and without Mainstay.
const ATTEMPT: Duration = Duration::from_secs(1);
/// The same for a real server, which thinks.
const REAL_ATTEMPT: Duration = Duration::from_secs(60);

/// Runs the demo.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start a runtime")?;
    runtime.block_on(show(options))
}

async fn show(options: &Options) -> Result<ExitCode> {
    if let Some(task) = &options.task {
        processes::work(task).await?;
        return Ok(ExitCode::SUCCESS);
    }
    if options.processes > 1 {
        return Ok(match processes::show(options, usize::try_from(options.processes)?).await? {
            None => ExitCode::SUCCESS,
            Some(short) => {
                println!("{short}");
                ExitCode::FAILURE
            }
        });
    }
    let documents = documents::bundled(usize::try_from(options.documents)?)?;
    let mut ours = weather_storm(options, &documents).await?;
    if options.base_url.is_none() {
        ours.extend(weather_limits(options, documents.get(..storm::LIMITED).unwrap_or(&documents)).await?);
    }
    let mut short: Vec<_> = ours.iter().filter_map(Pass::shortfall).collect();
    if options.base_url.is_none() {
        short.extend(twice::show(&documents, options.seed).await?);
        short.extend(tiers::show(&documents, options.concurrency).await?);
    }
    if short.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    println!("{}", short.join("\n"));
    Ok(ExitCode::FAILURE)
}

/// A server that fails a fifth of the calls, or a real one. Returns the passes that Mainstay must stand by.
async fn weather_storm(options: &Options, documents: &[Document]) -> Result<Vec<Pass>> {
    println!("{} documents, {} at a time: who holds which rights?\n", documents.len(), options.concurrency);
    let plan = storm::plan(options.seed);
    let bare = pass_bare(options, Target::new(options, &plan).await?, documents).await?;
    let ours =
        pass_mainstay("Mainstay", options, Target::new(options, &plan).await?, documents, |set| set).await?;
    println!("{}\n{}", report::table(&[&bare, &ours]), report::samples(&ours));
    Ok(vec![ours])
}

/// A server that takes so many requests and tokens a minute, and no more.
async fn weather_limits(options: &Options, documents: &[Document]) -> Result<Vec<Pass>> {
    let (requests, tokens) = storm::LIMITS;
    println!(
        "{} documents, where {requests} requests and {tokens} tokens a minute are allowed:\n",
        documents.len()
    );
    let plan = storm::limited(options.seed);
    let bare = pass_bare(options, Target::new(options, &plan).await?, documents).await?;
    let target = Target::new(options, &plan).await?;
    let learns = pass_mainstay("Mainstay, learns them", options, target, documents, |set| set).await?;
    let target = Target::new(options, &plan).await?;
    let limits = Limits::default().requests_per_minute(requests)?.tokens_per_minute(tokens)?;
    let set = |builder: Builder| builder.limits(storm::MODEL, limits);
    let knows = pass_mainstay("Mainstay, knows them", options, target, documents, set).await?;
    println!("{}\n", report::table(&[&bare, &learns, &knows]));
    Ok(vec![learns, knows])
}

/// Each document once, by the client alone.
async fn pass_bare(options: &Options, target: Target, documents: &[Document]) -> Result<Pass> {
    let client = target.client(Client::builder()).timeout(target.attempt()).build()?;
    target.preflight(&client).await?;
    let pass = Pass::run("bare client", client, &target.model, documents, options.concurrency).await;
    Ok(pass.seen_by(target.mock.as_ref()))
}

/// Each document through the whole stack.
async fn pass_mainstay(
    name: &'static str,
    options: &Options,
    target: Target,
    documents: &[Document],
    set: impl FnOnce(Builder) -> Builder,
) -> Result<Pass> {
    let waits = Arc::new(Waits::default());
    let hook = Arc::clone(&waits);
    let backoff = Exponential::new(Duration::from_millis(100), 2.0, Duration::from_secs(10))?;
    let policy = RetryPolicy::default()
        .retries(8)
        .backoff(backoff)
        .on_retry(move |event: &RetryEvent| hook.note(event));
    let builder = Mainstay::builder()
        .client(|client| target.client(client))
        .attempt_timeout(target.attempt())
        .retry(policy)
        .check(check::json);
    let mainstay = set(builder).build()?;
    let pass = Pass::run(name, mainstay, &target.model, documents, options.concurrency).await;
    Ok(pass.seen_by(target.mock.as_ref()).waited(&waits))
}

// === impl Target ===

impl Target {
    async fn new(options: &Options, plan: &Plan) -> Result<Self> {
        if let (Some(base_url), Some(model)) = (&options.base_url, &options.model) {
            return Ok(Self { base_url: base_url.clone(), model: model.clone(), mock: None });
        }
        let mock = MockOpenAi::builder().plan(plan.clone()).start().await?;
        Ok(Self { base_url: mock.base_url(), model: storm::MODEL.to_owned(), mock: Some(mock) })
    }

    fn client(&self, builder: ClientBuilder) -> ClientBuilder {
        let builder = if self.mock.is_some() { builder } else { builder.env() };
        builder.base_url(&self.base_url)
    }

    const fn attempt(&self) -> Duration {
        if self.mock.is_some() { ATTEMPT } else { REAL_ATTEMPT }
    }

    /// Asks a real server for its models, so that a wrong address or key is said once and not 254 times.
    async fn preflight(&self, client: &Client) -> Result<()> {
        if self.mock.is_some() {
            return Ok(());
        }
        match client.models().await {
            Err(error) if matches!(error.fault().kind, FaultKind::Connect | FaultKind::Auth) => {
                bail!("{error}")
            }
            _ => Ok(()),
        }
    }
}
