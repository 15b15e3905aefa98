use anyhow::{Context, Result};
use clap::Args;
use comfy_table::{Table, presets::UTF8_HORIZONTAL_ONLY};
use mainstay_router::learned::{Curve, Dataset, Folds, Recipe, cross_validate};
use tokio::time::Instant;

use super::{LEGEND, Source, pair::Pair};

/// How to cross-validate.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    source: Source,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How often, with a seed more each time.
    #[arg(long, default_value_t = 3)]
    repeats: u64,
}

/// How many folds there are.
const FOLDS: usize = 5;

/// Prints the APGR on calls that were not seen in training, twice: of all folds' calls in one curve, and the mean of the folds' own.
pub(crate) fn run(options: &Options) -> Result<()> {
    let data = options.source.read()?;
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY);
    table.set_header([
        "folds",
        "seed",
        "APGR, all in one curve",
        "APGR, mean of folds",
        "CPT(50 %)",
        "CPT(80 %)",
        "time",
    ]);
    for (name, folds) in [("random", Folds::Random), ("by group", Folds::ByGroup)] {
        let (mut pooled, mut mean) = (0.0, 0.0);
        for seed in options.seed..options.seed + options.repeats {
            let started = Instant::now();
            let (curve, of_folds) = validate(&data, folds, seed)?;
            let time = format!("{:.1} s", started.elapsed().as_secs_f64());
            let share = |part: f64| format!("{:.1} %", curve.cpt(part) * 100.0);
            table.add_row([
                name.to_owned(),
                seed.to_string(),
                apgr(curve.apgr()),
                apgr(of_folds),
                share(0.5),
                share(0.8),
                time,
            ]);
            pooled += curve.apgr() / options.repeats as f64;
            mean += of_folds / options.repeats as f64;
        }
        table.add_row([name, "mean", &apgr(pooled), &apgr(mean), "", "", ""]);
    }
    println!("{} calls, {FOLDS} folds\n{table}\n{LEGEND}", data.len());
    Ok(())
}

fn apgr(value: f64) -> String {
    format!("{value:.4}")
}

/// The curve of all calls, and the mean APGR of the folds.
fn validate(data: &Dataset, folds: Folds, seed: u64) -> Result<(Curve, f64)> {
    let assigned = folds.assign(data, FOLDS, seed);
    let scores = cross_validate(data, &assigned, &Recipe::default().seed(seed));
    let ranked = data.ranked();
    let (weak, strong) = ranked.first().zip(ranked.last()).context("no models")?;
    let known: Vec<usize> = (0..data.len())
        .filter(|at| data.outcome(*at, *weak).is_some() && data.outcome(*at, *strong).is_some())
        .collect();
    let of = |calls: &[usize]| {
        let scores: Vec<f64> = calls.iter().filter_map(|at| scores.get(*at).copied()).collect();
        Pair::new(&data.subset(calls.iter().copied()), *weak, *strong, seed).curve(&scores)
    };
    let fold = |fold: usize| {
        let calls: Vec<usize> = known.iter().copied().filter(|at| assigned.get(*at) == Some(&fold)).collect();
        Ok(of(&calls)?.apgr())
    };
    let apgrs = (0..FOLDS).map(fold).collect::<Result<Vec<f64>>>()?;
    Ok((of(&known)?, apgrs.iter().sum::<f64>() / FOLDS as f64))
}
