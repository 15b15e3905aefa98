//! `cargo xtask route`: training the learned router, and seeing what it is worth.

mod chart;
mod cv;
mod eval;
mod explain;
mod pair;
mod train;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use mainstay_router::learned::{Dataset, Lines, Model, ModelError};

/// What to do with the learned router.
#[derive(Subcommand)]
pub(crate) enum Task {
    /// Learns from past calls, and writes a model file.
    Train(train::Options),
    /// Judges a model on calls that it has not seen, beside random choice, length, complexity and an oracle.
    Eval(eval::Options),
    /// Says what a model predicts of a prompt, and why.
    Explain(explain::Options),
    /// Cross-validates training: on random folds, and on folds by group.
    Cv(cv::Options),
}

/// Where past calls are read from.
#[derive(Args)]
pub(crate) struct Source {
    /// Files of past calls, `.jsonl` or `.jsonl.gz`. A line is `{"prompt": "…", "outcomes": {"SMALL": 0.5, "LARGE": true}}`, by
    /// the names that the models have in the configuration; `"cost": {"SMALL": 0.001, …}`, in dollars, may stand beside it.
    #[arg(long, required = true, num_args = 1..)]
    data: Vec<PathBuf>,
    /// Leaves out lines that cannot be understood, instead of failing.
    #[arg(long)]
    skip_bad: bool,
}

/// What the columns of a judgement are.
const LEGEND: &str = "\
APGR: how much of the gap between the cheapest and the dearest model is closed, over all shares of calls to the dearest;
      chance has 0.5. CPT(50 %): the share of calls to the dearest that closes half of the gap.";

/// Reads a model file; what is wrong with it is said with its name.
fn load(path: &Path) -> Result<Model> {
    Model::load(path).map_err(|error| match error {
        ModelError::File { .. } => error.into(),
        _ => anyhow::Error::new(error).context(path.display().to_string()),
    })
}

/// Does what was asked for.
pub(crate) fn run(task: &Task) -> Result<ExitCode> {
    match task {
        Task::Train(options) => train::run(options),
        Task::Eval(options) => eval::run(options),
        Task::Explain(options) => explain::run(options),
        Task::Cv(options) => cv::run(options),
    }?;
    Ok(ExitCode::SUCCESS)
}

// === impl Source ===

impl Source {
    fn read(&self) -> Result<Dataset> {
        let lines = if self.skip_bad { Lines::SkipBad } else { Lines::AllGood };
        let mut all = Dataset::default();
        for path in &self.data {
            let data = Dataset::open(path, lines).with_context(|| format!("data of {}", path.display()))?;
            for bad in data.skipped() {
                eprintln!("skipped: {}: {bad}", path.display());
            }
            all.extend(&data);
        }
        Ok(all)
    }
}
