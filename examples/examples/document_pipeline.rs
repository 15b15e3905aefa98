//! Reads 254 real documents on five kinds of days, so that none is lost on any: who served, what it cost, what is left for
//! people.
//!
//! ```sh
//! cargo run -p mainstay-examples --example document_pipeline
//! ```
//!
//! It draws a chart besides (`target/document_pipeline.svg`) and leaves what people must see to in a queue.
#![allow(clippy::print_stdout, reason = "a program for people")]

use std::{fs, path::Path};

use anyhow::ensure;
use mainstay::{ChatRequest, fallback::queue::JsonlQueue};
use mainstay_examples::{
    documents,
    pipeline::{self, Day, Outcome},
};

const AT_ONCE: usize = 16;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = Path::new("target/document_pipeline");
    fs::create_dir_all(folder)?;
    let documents = documents::bundled(254)?;
    let mut outcomes = Vec::new();
    for day in Day::all(pipeline::SEED) {
        eprintln!("{} …", day.name);
        let queue = folder.join(format!("{}.jsonl", day.name.replace([' ', '%'], "")));
        outcomes.push(pipeline::run(&day, &documents, AT_ONCE, &queue).await?);
        see_to(&queue).await?;
    }
    println!("{}", pipeline::table(&outcomes));
    let chart = folder.with_extension("svg");
    pipeline::chart(&outcomes, &chart)?;
    println!("drawn: {}", chart.display());
    let short: Vec<_> = outcomes.iter().filter_map(Outcome::shortfall).collect();
    ensure!(short.is_empty(), "{}", short.join("; "));
    Ok(())
}

/// What people do, later: they look at each entry, and it is gone when they are done.
async fn see_to(queue: &Path) -> anyhow::Result<()> {
    let queue = JsonlQueue::<ChatRequest>::open(queue)?;
    if let Some(entry) = queue.entries().first() {
        let why = entry.reasons.last().map_or("", String::as_str);
        eprintln!("  {} for people, the first at {}: {why}", queue.len(), entry.time);
    }
    queue.drain(async |_| Ok(())).await?;
    Ok(())
}
