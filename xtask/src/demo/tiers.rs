//! The document pipeline: good days and bad ones, through tiers.

use std::fs;

use anyhow::Result;
use indicatif::ProgressBar;
use mainstay_examples::{
    documents::Document,
    pipeline::{self, Day, Outcome},
};

const FOLDER: &str = "target/demo";

/// Shows who served the documents on each day. Returns what was not as it must be.
pub(crate) async fn show(documents: &[Document], at_once: u64) -> Result<Vec<String>> {
    println!("{} documents through tiers: a model, a smaller one, a parser, people:\n", documents.len());
    fs::create_dir_all(FOLDER)?;
    let folder = tempfile::tempdir()?;
    let (days, mut outcomes) = (Day::all(pipeline::SEED), Vec::new());
    let bar = ProgressBar::new(days.len() as u64);
    for (at, day) in days.iter().enumerate() {
        let queue = folder.path().join(format!("{at}.jsonl"));
        outcomes.push(pipeline::run(day, documents, usize::try_from(at_once)?, &queue).await?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    println!("{}", pipeline::table(&outcomes));
    let chart = format!("{FOLDER}/documents.svg");
    pipeline::chart(&outcomes, chart.as_ref())?;
    println!("drawn: {chart}");
    Ok(outcomes.iter().filter_map(Outcome::shortfall).collect())
}
