//! `cargo xtask test`: what must hold before a change lands.

use std::{
    collections::BTreeMap,
    io::Write,
    process::{Command, ExitCode, Output},
};

use anyhow::{Context, Result, ensure};
use clap::Args;
use tokio::time::Instant;

/// Which steps to run.
#[derive(Args)]
pub(crate) struct Options {
    /// Only the steps whose names contain this.
    only: Option<String>,
}

struct Step {
    name: &'static str,
    cargo: &'static [&'static str],
    env: Option<(&'static str, &'static str)>,
}

/// What the tests of a step said.
#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
    ignored: usize,
    /// How many tests were left out for want of what, and are among the ignored.
    missing: BTreeMap<String, usize>,
}

static STEPS: [Step; 10] = [
    Step { name: "formatting", cargo: &["fmt", "--all", "--check"], env: None },
    Step {
        name: "lints",
        cargo: &["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"],
        env: None,
    },
    // The layers alone, as who stacks them around a service of their own depends on them.
    Step {
        name: "lean",
        cargo: &["clippy", "--package=mainstay", "--lib", "--no-default-features", "--", "-D", "warnings"],
        env: None,
    },
    // Each crate with each of its features alone, as who takes no more than that depends on it.
    Step { name: "features", cargo: &["xtask", "features"], env: None },
    // Tests run the examples as a user does; with `--all-targets`, `cargo test` builds them as tests alone.
    Step { name: "examples", cargo: &["build", "--workspace", "--examples", "--all-features"], env: None },
    Step {
        name: "tests",
        cargo: &["test", "--workspace", "--all-targets", "--all-features", "--no-fail-fast"],
        env: None,
    },
    Step {
        name: "doc tests",
        cargo: &["test", "--workspace", "--doc", "--all-features", "--no-fail-fast"],
        env: None,
    },
    Step {
        name: "loom",
        cargo: &[
            "test",
            "--package=mainstay-bucket",
            "--lib",
            "--release",
            "--target-dir=target/loom",
            "loom",
        ],
        env: Some(("RUSTFLAGS", "--cfg mainstay_loom")),
    },
    Step {
        name: "docs",
        cargo: &["doc", "--workspace", "--all-features", "--no-deps", "--document-private-items"],
        env: Some(("RUSTDOCFLAGS", "-D warnings -A rustdoc::private_intra_doc_links")),
    },
    // Without a question to the registry: all that it would be asked for is here since the lints.
    Step { name: "package", cargo: &["package", "--no-verify", "--allow-dirty", "--offline"], env: None },
];

/// Runs the steps in order; prints one line for each that passes, and all that a failing one said.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let mut total = Tally::default();
    for step in options.steps()? {
        print!("{:<12}", step.name);
        std::io::stdout().flush()?;
        let started = Instant::now();
        let output = step.run()?;
        let tally = Tally::read(&output);
        let verdict = if output.status.success() { "ok" } else { "FAILED" };
        println!("{verdict:<7}{:>6.1} s  {tally}", started.elapsed().as_secs_f64());
        for (why, tests) in &tally.missing {
            println!("{:<12}left out: {tests} tests: {why}", "");
        }
        total.add(&tally);
        if !output.status.success() {
            std::io::stdout().write_all(&output.stdout)?;
            std::io::stderr().write_all(&output.stderr)?;
            println!("\n{} failed: cargo {}", step.name, step.cargo.join(" "));
            println!("{} passed, {} failed", total.passed, total.failed.max(1));
            return Ok(ExitCode::FAILURE);
        }
    }
    println!("{} passed, {} failed, {} skipped", total.passed, total.failed, total.ignored);
    Ok(ExitCode::SUCCESS)
}

// === impl Options ===

impl Options {
    /// The steps that are to be run; to have none is an error.
    fn steps(&self) -> Result<Vec<&'static Step>> {
        let only = self.only.as_deref().unwrap_or_default();
        let steps: Vec<_> = STEPS.iter().filter(|step| step.name.contains(only)).collect();
        let names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        ensure!(!steps.is_empty(), "no step is named `{only}`; there are: {}", names.join(", "));
        Ok(steps)
    }
}

// === impl Step ===

impl Step {
    fn run(&self) -> Result<Output> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(self.cargo).envs(self.env);
        command.output().with_context(|| format!("cannot run cargo {}", self.cargo.join(" ")))
    }
}

// === impl Tally ===

impl Tally {
    /// Sums up the lines by which test programs close: `test result: ok. 3 passed; 0 failed; 1 ignored; …`. A test that says
    /// `left out: <test>: <why>` has counted itself as passed there.
    fn read(output: &Output) -> Self {
        let (said, aside) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        Self::of(said.lines().chain(aside.lines()))
    }

    fn of<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let mut tally = Self::default();
        for line in lines {
            if let Some((_, left_out)) = line.split_once("left out: ") {
                let why = left_out.split_once(": ").map_or(left_out, |(_, why)| why);
                *tally.missing.entry(why.to_owned()).or_default() += 1;
            } else if line.starts_with("test result:") {
                tally.passed += count(line, " passed");
                tally.failed += count(line, " failed");
                tally.ignored += count(line, " ignored");
            }
        }
        let missing = tally.missing.values().sum::<usize>().min(tally.passed);
        tally.passed -= missing;
        tally.ignored += missing;
        tally
    }

    const fn add(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

/// The number before a word.
fn count(line: &str, what: &str) -> usize {
    let number =
        line.find(what).and_then(|end| line.get(..end)?.split_whitespace().next_back()?.parse().ok());
    number.unwrap_or(0)
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.passed + self.failed == 0 {
            return Ok(());
        }
        write!(f, "{} tests passed", self.passed)?;
        if self.failed > 0 {
            write!(f, ", {} failed", self.failed)?;
        }
        if self.ignored > 0 {
            write!(f, ", {} left out", self.ignored)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_that_are_left_out_have_not_passed() {
        let said = "\
test redis::one ... ok
test redis::two ... ok
test redis::three ... ok

test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s
test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        let aside = "\
   Compiling something
left out: redis::one: no redis-server on this machine
left out: redis::three: no redis-server on this machine
left out: clients::node: npm: No such file or directory";
        let tally = Tally::of(said.lines().chain(aside.lines()));
        assert_eq!((tally.passed, tally.failed, tally.ignored), (2, 1, 4));
        let missing = [("no redis-server on this machine", 2), ("npm: No such file or directory", 1)];
        assert!(tally.missing.iter().map(|(why, tests)| (why.as_str(), *tests)).eq(missing));
        assert_eq!(tally.to_string(), "2 tests passed, 1 failed, 4 left out");
    }

    #[test]
    fn a_step_without_tests_has_no_tally() {
        let tally = Tally::of("    Checking mainstay".lines());
        assert_eq!(tally.to_string(), "");
    }
}
