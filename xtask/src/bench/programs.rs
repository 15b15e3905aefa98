//! Running the bench programs.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use mainstay_benches::{ALLOCATIONS, APART, QUICK_ROUNDS, ROUNDS_VARIABLE};
use serde::Deserialize;
use tokio::time::Instant;

use super::measured::{allocations_path, criterion_home};

/// How the bench programs are run.
pub(crate) struct Programs<'a> {
    /// Where cargo builds, and the programs write.
    pub(crate) target: &'a Path,
    /// Whether to measure for a short time only.
    pub(crate) quick: bool,
}

/// What criterion is told where noise does not matter.
const QUICK: [&str; 4] = ["--warm-up-time", "0.01", "--measurement-time", "0.1"];

/// Asks cargo where it builds: `CARGO_TARGET_DIR` and cargo's own configuration count.
pub(crate) fn target_directory() -> Result<PathBuf> {
    #[derive(Deserialize)]
    struct Metadata {
        target_directory: PathBuf,
    }

    let mut command = cargo();
    command.args(["metadata", "--no-deps", "--format-version", "1"]).stderr(Stdio::inherit());
    let output = command.output().context("cannot run cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata failed");
    let metadata: Metadata = serde_json::from_slice(&output.stdout).context("cargo metadata")?;
    Ok(metadata.target_directory)
}

// === impl Programs ===

impl Programs<'_> {
    /// Builds a program, takes its times, counts its allocations; prints one line.
    pub(crate) fn run(&self, program: &str) -> Result<()> {
        self.build(program)?;
        print!("{program:<12}");
        std::io::stdout().flush()?;
        let started = Instant::now();
        self.time(program)?;
        self.count(program)?;
        println!("{:>6.1} s", started.elapsed().as_secs_f64());
        Ok(())
    }

    fn build(&self, program: &str) -> Result<()> {
        let mut child =
            self.cargo_bench(program, program).args(["--bench", ALLOCATIONS, "--no-run"]).spawn()?;
        ensure!(child.wait()?.success(), "{program} cannot be built");
        Ok(())
    }

    /// Shows a dot for each time taken.
    fn time(&self, program: &str) -> Result<()> {
        let mut command = self.cargo_bench(program, program);
        command
            .args(["--", "--output-format", "bencher"])
            .args(self.quick.then_some(QUICK).into_iter().flatten());
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        for line in lines(&mut child)? {
            if line?.contains(" bench: ") {
                print!(".");
                std::io::stdout().flush()?;
            }
        }
        ensure!(child.wait()?.success(), "{program} failed");
        Ok(())
    }

    fn count(&self, program: &str) -> Result<()> {
        let counted =
            self.cargo_bench(ALLOCATIONS, program).args(["--", program]).stderr(Stdio::inherit()).output()?;
        ensure!(counted.status.success(), "counting the allocations of {program} failed");
        let path = allocations_path(self.target, program);
        let write = |folder| fs::create_dir_all(folder).and_then(|()| fs::write(&path, &counted.stdout));
        path.parent().map_or(Ok(()), write).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Runs one bench for the rows of a program.
    fn cargo_bench(&self, bench: &str, program: &str) -> Command {
        let mut command = cargo();
        command.args(["bench", "--quiet", "--package", "mainstay-benches", "--bench", bench]);
        let (apart, features) = APART;
        if apart.contains(&program) {
            command.args(["--features", features]);
        }
        if self.quick {
            command.env(ROUNDS_VARIABLE, QUICK_ROUNDS.to_string());
        }
        command.env("CRITERION_HOME", criterion_home(self.target));
        command
    }
}

fn lines(child: &mut Child) -> Result<impl Iterator<Item = std::io::Result<String>> + use<>> {
    let said = child.stdout.take().context("the program's output is not piped")?;
    Ok(BufReader::new(said).lines())
}

fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}
