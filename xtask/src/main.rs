//! `cargo xtask`: everything that this workspace does, as a program.
#![allow(clippy::print_stdout, reason = "a program for people")]

mod bench;
mod demo;
mod features;
mod route;
mod test;

use std::process::ExitCode;

use clap::Parser;

/// Everything that this workspace does, as a program.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
enum Task {
    /// Measures ours beside the peers; fails if a row misses its bar.
    Bench(bench::Options),
    /// Sends real documents through a server that fails on purpose: bare, and with Mainstay.
    Demo(demo::Options),
    /// Checks that each published crate compiles with each of its features alone, and with none.
    Features,
    /// Learns which model is worth its price for a prompt, and shows how well that works.
    #[command(subcommand)]
    Route(route::Task),
    /// Checks the formatting, the lints, all tests, and the docs: one line a step.
    Test(test::Options),
}

fn main() -> ExitCode {
    let done = match Task::parse() {
        Task::Bench(options) => bench::run(&options),
        Task::Demo(options) => demo::run(&options),
        Task::Features => features::run(),
        Task::Route(task) => route::run(&task),
        Task::Test(options) => test::run(&options),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}
