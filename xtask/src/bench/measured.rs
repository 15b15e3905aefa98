//! What the bench programs left in the target directory.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use mainstay_benches::{ROUNDS, Row};
use serde::{Deserialize, de::DeserializeOwned};

/// Reads what was measured.
pub(crate) struct Measured<'a> {
    target: &'a Path,
    rounds: u32,
}

/// What of criterion's estimates we use.
#[derive(Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
}

/// Where criterion keeps its estimates.
pub(crate) fn criterion_home(target: &Path) -> PathBuf {
    target.join("criterion")
}

/// Where the report goes, and what it is made of.
pub(crate) fn report_home(target: &Path) -> PathBuf {
    target.join("bench-report")
}

/// Where the allocations of a program's works are kept.
pub(crate) fn allocations_path(target: &Path, program: &str) -> PathBuf {
    report_home(target).join("allocations").join(format!("{program}.json"))
}

// === impl Measured ===

impl<'a> Measured<'a> {
    /// Reads what was measured in so many rounds.
    pub(crate) const fn new(target: &'a Path, rounds: u32) -> Self {
        Self { target, rounds }
    }

    /// Removes what an earlier run measured for a row, lest it passes for what this run measures.
    pub(crate) fn forget(&self, row: &Row) -> Result<()> {
        let times = row.sides().into_iter().flat_map(|side| self.estimates(row, side));
        for path in times.chain([allocations_path(self.target, row.program)]) {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("cannot remove {}", path.display()));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The median times of a side, in nanoseconds, round by round.
    pub(crate) fn times(&self, row: &Row, side: &str) -> Result<Vec<f64>> {
        let median = |path: PathBuf| Ok(read::<Estimates>(&path)?.median.point_estimate);
        self.estimates(row, side).take(self.rounds as usize).map(median).collect()
    }

    /// The allocations of a side, for each unit of its work.
    pub(crate) fn allocations(&self, row: &Row, side: &str) -> Result<f64> {
        let path = allocations_path(self.target, row.program);
        let counts: BTreeMap<String, BTreeMap<String, f64>> = read(&path)?;
        let count = counts.get(row.work).and_then(|sides| sides.get(side));
        count.copied().with_context(|| format!("{}: no count for {}/{side}", path.display(), row.work))
    }

    fn estimates(&self, row: &Row, side: &str) -> impl Iterator<Item = PathBuf> + use<> {
        let home = criterion_home(self.target).join(row.work).join(side);
        (1..=ROUNDS).map(move |round| home.join(round.to_string()).join("new/estimates.json"))
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("cannot read {}", path.display()))
}
