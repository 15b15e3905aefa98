//! `cargo xtask bench`: ours beside the peers, and whether each row passes its bar.

mod measured;
mod page;
mod programs;
mod report;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;
use mainstay_benches::{QUICK_ROUNDS, REDIS, ROUNDS, ROWS, programs as names};
use mainstay_testkit::redis::TestServer;

use self::{
    measured::Measured,
    programs::{Programs, target_directory},
    report::Report,
};

/// What to measure, and for how long.
#[derive(Args)]
pub(crate) struct Options {
    /// Only this bench program.
    name: Option<String>,
    /// Measures for a short time: good enough to see that all works, too noisy to judge by.
    #[arg(long)]
    quick: bool,
}

/// Runs the bench programs, prints what they measured, and keeps it in `bench-report/report.json`.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let mut chosen = options.programs()?;
    if chosen.contains(&REDIS) && !TestServer::is_installed() {
        println!("{REDIS:<12}left out: no redis-server on this machine");
        chosen.retain(|program| *program != REDIS);
        if chosen.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
    }
    let rows = || ROWS.iter().filter(|row| chosen.contains(&row.program));
    let target = target_directory()?;
    let rounds = if options.quick { QUICK_ROUNDS } else { ROUNDS };
    let measured = Measured::new(&target, rounds);
    rows().try_for_each(|row| measured.forget(row))?;
    let programs = Programs { target: &target, quick: options.quick };
    chosen.iter().try_for_each(|program| programs.run(program))?;
    let report = Report::new(rows(), &measured)?;
    println!("\n{}", report.table());
    println!("\nwritten to {}", report.write(&target)?.display());
    Ok(if report.passes() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

// === impl Options ===

impl Options {
    fn programs(&self) -> Result<Vec<&'static str>> {
        let Some(wanted) = &self.name else { return Ok(names().collect()) };
        match names().find(|name| name == wanted) {
            Some(name) => Ok(vec![name]),
            None => {
                bail!("no bench is named {wanted:?}; there are: {}", names().collect::<Vec<_>>().join(", "))
            }
        }
    }
}
