use std::{hint::black_box, path::PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use comfy_table::{Table, presets::UTF8_HORIZONTAL_ONLY};
use mainstay_router::learned::{Chooser, Dataset, Model, Online, Threshold};
use serde::Serialize;
use tokio::time::Instant;

use super::{
    LEGEND, Source, chart, load,
    pair::{Named, Pair},
};

/// What to judge, and by what.
#[derive(Args)]
pub(crate) struct Options {
    /// The model file.
    #[arg(long)]
    model: PathBuf,
    #[command(flatten)]
    source: Source,
    /// Prints one JSON object, and nothing else.
    #[arg(long)]
    json: bool,
    /// Where the curve is drawn; folders that are not there are made.
    #[arg(long, default_value = "target/route/curve.svg")]
    chart: PathBuf,
}

/// What a model is worth.
#[derive(Serialize)]
struct Judgement {
    apgr: f64,
    cpt50: f64,
    cpt80: f64,
    n: usize,
    microseconds_per_decision: f64,
}

/// Judges a model.
pub(crate) fn run(options: &Options) -> Result<()> {
    let model = load(&options.model)?;
    let data = options.source.read()?;
    let pair = pair(&model, &data)?;
    let scores: Vec<f64> = pair.prompts.iter().map(|prompt| model.predict(prompt).gain()).collect();
    let curves = pair.curves(&scores)?;
    chart::draw(&options.chart, &curves)?;
    let curve = pair.curve(&scores)?;
    let judgement = Judgement {
        apgr: curve.apgr(),
        cpt50: curve.cpt(0.5),
        cpt80: curve.cpt(0.8),
        n: pair.prompts.len(),
        microseconds_per_decision: time(&model, &pair.prompts),
    };
    if options.json {
        println!("{}", serde_json::to_string(&judgement)?);
        return Ok(());
    }
    println!("{} calls, {:.1} µs a decision", judgement.n, judgement.microseconds_per_decision);
    println!("{}\n{LEGEND}\n", table(&curves));
    replay(&model, &data);
    println!("drawn in {}", options.chart.display());
    Ok(())
}

/// The cheapest and the dearest model of those that the data has.
fn pair<'a>(model: &Model, data: &'a Dataset) -> Result<Pair<'a>> {
    let index = |name: &str| data.models().position(|other| other == name);
    let find = |name: Option<&str>| {
        let name = name.context("the model file names no models")?;
        index(name).with_context(|| format!("the data has no outcomes of {name}"))
    };
    let names: Vec<&str> = model.models().collect();
    Ok(Pair::new(data, find(names.first().copied())?, find(names.last().copied())?, 1))
}

fn time(model: &Model, prompts: &[&str]) -> f64 {
    let started = Instant::now();
    for prompt in prompts {
        black_box(model.predict(black_box(prompt)));
    }
    started.elapsed().as_secs_f64() * 1e6 / prompts.len().max(1) as f64
}

/// The curves, from the best.
pub(crate) fn table(curves: &[Named]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_header(["by", "APGR", "CPT(50 %)", "CPT(80 %)"]);
    for (name, curve) in curves {
        let share = |part: f64| format!("{:.1} %", curve.cpt(part) * 100.0);
        table.add_row([(*name).to_owned(), format!("{:.4}", curve.apgr()), share(0.5), share(0.8)]);
    }
    table
}

/// Replays the calls in their order, as if each outcome came to be known.
fn replay(model: &Model, data: &Dataset) {
    let half = Threshold::new(0.1);
    for (name, online) in [("as trained", None), ("learning on", Some(Online::default()))] {
        let chooser = Chooser::new(model.clone(), half);
        let chooser = if let Some(online) = online { chooser.online(online) } else { chooser };
        let replay = chooser.replay(data);
        let regret = replay.regret();
        println!(
            "replayed {name}: regret against the best fixed choice {regret:+.4} a call (below 0: choosing paid)"
        );
    }
}
