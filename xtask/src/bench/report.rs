//! The report: a table for people, a file for programs.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use comfy_table::{CellAlignment, Table, presets::UTF8_HORIZONTAL_ONLY};
use mainstay_benches::Row;
use serde::Serialize;

use super::measured::{Measured, report_home};

/// What was measured, row by row.
#[derive(Debug)]
pub(crate) struct Report {
    lines: Vec<Line>,
}

/// One row as measured.
#[derive(Debug, PartialEq, Serialize)]
struct Line {
    work: &'static str,
    ours: &'static str,
    ours_ns: f64,
    peer: &'static str,
    peer_ns: f64,
    /// The median of the rounds' ratios: both sides of a round have seen the same machine.
    ratio: f64,
    /// The most that the ratio may be.
    bar: Option<f64>,
    allocations: f64,
    peer_allocations: f64,
    /// The most that our allocations may be.
    allocations_bar: Option<f64>,
    pass: bool,
}

// === impl Report ===

impl Report {
    pub(crate) fn new<'a>(rows: impl Iterator<Item = &'a Row>, measured: &Measured<'_>) -> Result<Self> {
        Ok(Self { lines: rows.map(|row| Line::new(row, measured)).collect::<Result<_>>()? })
    }

    /// Whether no row misses its bar.
    pub(crate) fn passes(&self) -> bool {
        self.lines.iter().all(|line| line.pass)
    }

    pub(crate) fn table(&self) -> Table {
        let mut table = Table::new();
        let head =
            ["work", "ours", "time", "peer", "peer's time", "ratio", "bar (at most)", "allocations", "pass"];
        table.load_style(UTF8_HORIZONTAL_ONLY).set_header(head);
        table.add_rows(self.lines.iter().map(Line::cells));
        for at in [2, 4, 5, 6, 7] {
            if let Some(column) = table.column_mut(at) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table
    }

    /// Writes `report.json`, an array of rows; returns its path.
    pub(crate) fn write(&self, target: &Path) -> Result<PathBuf> {
        let path = report_home(target).join("report.json");
        let json = serde_json::to_string_pretty(&self.lines)?;
        fs::write(&path, json + "\n").with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}

// === impl Line ===

impl Line {
    fn new(row: &Row, measured: &Measured<'_>) -> Result<Self> {
        let [ours, theirs] = [measured.times(row, row.ours)?, measured.times(row, row.peer)?];
        let ratio = median(ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs).collect());
        let allocations = measured.allocations(row, row.ours)?;
        let within = |measured: f64, bar: Option<f64>| bar.is_none_or(|bar| measured <= bar);
        Ok(Self {
            work: row.work,
            ours: row.ours,
            ours_ns: median(ours),
            peer: row.peer,
            peer_ns: median(theirs),
            ratio,
            bar: row.bar.ratio,
            allocations,
            peer_allocations: measured.allocations(row, row.peer)?,
            allocations_bar: row.bar.allocations,
            pass: within(ratio, row.bar.ratio) && within(allocations, row.bar.allocations),
        })
    }

    fn cells(&self) -> [String; 9] {
        let time = self.bar.map(|bar| format!("{bar:.2}"));
        let allocations = self.allocations_bar.map(|bar| format!("{bar:.0} allocations"));
        let bars: Vec<String> = time.into_iter().chain(allocations).collect();
        let verdict = match self.pass {
            _ if bars.is_empty() => "",
            true => "yes",
            false => "NO",
        };
        [
            self.work.to_owned(),
            self.ours.to_owned(),
            nanoseconds(self.ours_ns),
            self.peer.to_owned(),
            nanoseconds(self.peer_ns),
            format!("{:.2}", self.ratio),
            bars.join(", "),
            format!("{:.0} beside {:.0}", self.allocations, self.peer_allocations),
            verdict.to_owned(),
        ]
    }
}

/// The middle one; not a number if there is none.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn nanoseconds(ns: f64) -> String {
    match ns {
        ..1e3 => format!("{ns:.1} ns"),
        ..1e6 => format!("{:.1} µs", ns / 1e3),
        _ => format!("{:.1} ms", ns / 1e6),
    }
}
