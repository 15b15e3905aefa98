//! Reads 254 real documents on five kinds of days, so that none is lost on any: who served, what it cost, what is left for
//! people. Where the environment names a server, it reads some there, today.
//!
//! ```sh
//! cargo run -p mainstay-examples --example document_pipeline          # on five days of a mock
//! cargo run -p mainstay-examples --example document_pipeline -- 50    # 50 documents; with OPENAI_API_KEY, at the real server
//! ```
//!
//! The smaller model is then that of `OPENAI_SMALL_MODEL`, `gpt-4o-mini` unless set.
//!
//! It draws a chart besides (`target/document_pipeline.svg`) and leaves what people must see to in a queue, which it
//! empties where the server was a mock.
#![allow(clippy::print_stdout, reason = "a program for people")]

use std::{fs, path::Path};

use anyhow::ensure;
use clap::Parser;
use mainstay::{ChatRequest, fallback::queue::JsonlQueue};
use mainstay_examples::{
    documents,
    pipeline::{self, Day, Outcome},
};

const AT_ONCE: usize = 16;

/// How many documents there are, and how many are read where each costs money, unless more are asked for.
const ALL: u64 = 254;
const SOME: u64 = 20;

/// Reads real documents: on five days of a mock, or today, at the server that the environment names.
#[derive(Parser)]
struct Options {
    /// How many of the 254 documents: all of them at a mock, 20 at a real server unless set.
    #[arg(value_parser = clap::value_parser!(u64).range(1..=ALL))]
    documents: Option<u64>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let folder = Path::new("target/document_pipeline");
    fs::create_dir_all(folder)?;
    let (days, usual) = match Day::today() {
        Some(today) => (vec![today], SOME),
        None => (Day::all(pipeline::SEED), ALL),
    };
    let documents = documents::bundled(usize::try_from(options.documents.unwrap_or(usual))?)?;
    let (mut outcomes, mut waiting) = (Vec::new(), Vec::new());
    for day in days {
        eprintln!("{} …", day.name);
        let queue = folder.join(format!("{}.jsonl", day.name.replace([' ', '%'], "")));
        outcomes.push(pipeline::run(&day, &documents, AT_ONCE, &queue).await?);
        if day.plan.is_some() {
            see_to(&queue).await?;
        } else {
            waiting.push(queue);
        }
    }
    println!("{}", pipeline::table(&outcomes));
    let chart = folder.with_extension("svg");
    pipeline::chart(&outcomes, &chart)?;
    println!("drawn: {}", chart.display());
    for queue in waiting {
        let count = JsonlQueue::<ChatRequest>::open(&queue)?.len();
        println!("{count} for people, in {}", queue.display());
    }
    let short: Vec<_> = outcomes.iter().filter_map(Outcome::shortfall).collect();
    ensure!(short.is_empty(), "{}", short.join("; "));
    Ok(())
}

/// What people would do, later: they look at each entry, and it is gone when they are done. What a mock left for them needs nobody.
async fn see_to(queue: &Path) -> anyhow::Result<()> {
    let queue = JsonlQueue::<ChatRequest>::open(queue)?;
    if let Some(entry) = queue.entries().first() {
        let why = entry.reasons.last().map_or("", String::as_str);
        eprintln!("  {} for people, the first at {}: {why}", queue.len(), entry.time);
    }
    queue.drain(async |_| Ok(())).await?;
    Ok(())
}
