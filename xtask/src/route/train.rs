use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use comfy_table::{Table, presets::UTF8_HORIZONTAL_ONLY};
use indicatif::{ProgressBar, ProgressStyle};
use mainstay_router::learned::{Calibrated, Model, Recipe, Target};
use tokio::time::Instant;

use super::Source;

/// What to learn from.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    source: Source,
    /// Where the model is written to.
    #[arg(long)]
    out: PathBuf,
    /// Where chance begins.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// The shares of strong calls that the table shows.
const SHARES: [f64; 5] = [0.1, 0.25, 0.5, 0.75, 0.9];

/// Learns, writes the model, and shows what thresholds do on calls that were held back.
pub(crate) fn run(options: &Options) -> Result<()> {
    let started = Instant::now();
    let data = options.source.read()?;
    let bar =
        ProgressBar::new(1).with_style(ProgressStyle::with_template("training {wide_bar} {pos} of {len}")?);
    let model = Model::train_with(&data, &Recipe::default().seed(options.seed), |done, of| {
        bar.set_length(of as u64);
        bar.set_position(done as u64);
    })?;
    bar.finish_and_clear();
    model.save(&options.out)?;
    let size = model.to_bytes()?.len() as f64 / 1024.0;
    let names: Vec<&str> = model.models().collect();
    println!("{} calls, models from the cheapest: {}", data.len(), names.join(", "));
    println!("{}", table(&model)?);
    println!("written to {}: {size:.0} KiB, {:.1} s", options.out.display(), started.elapsed().as_secs_f64());
    Ok(())
}

fn table(model: &Model) -> Result<Table> {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY);
    table.set_header(["strong calls", "threshold", "quality", "95 % interval", "dollars for 1,000 calls"]);
    for share in SHARES {
        let Calibrated { threshold, share, quality, dollars_per_thousand, .. } =
            model.threshold(Target::Share(share))?;
        let dollars = dollars_per_thousand
            .map_or_else(|| "unknown".to_owned(), |dollars| format!("{:.2}", dollars.mean));
        table.add_row([
            format!("{:.1} %", share.mean * 100.0),
            format!("{:+.4}", threshold.gain()),
            format!("{:.4}", quality.mean),
            format!("{:.4} to {:.4}", quality.low, quality.high),
            dollars,
        ]);
    }
    Ok(table)
}
