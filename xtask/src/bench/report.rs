//! The report: a table for people, a file for programs.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use comfy_table::{CellAlignment, Table, presets::UTF8_HORIZONTAL_ONLY};
use mainstay_benches::{Row, Unit};
use serde::Serialize;

use super::{
    measured::{Measured, report_home},
    page::page,
};

/// What was measured, row by row.
#[derive(Debug)]
pub(crate) struct Report {
    lines: Vec<Line>,
}

/// One row as measured.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Line {
    work: &'static str,
    ours: &'static str,
    /// `None` of what is no time.
    ours_ns: Option<f64>,
    /// `None` of a time.
    ours_calls: Option<f64>,
    peer: &'static str,
    peer_ns: Option<f64>,
    peer_calls: Option<f64>,
    /// The median of the rounds' ratios: both sides of a round have seen the same machine.
    ratio: f64,
    /// The most that the ratio may be.
    bar: Option<f64>,
    /// The most nanoseconds that ours may take.
    bar_ns: Option<f64>,
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

    /// Writes `report.json`, an array of rows, and `index.html`, for people; returns the page's path.
    pub(crate) fn write(&self, target: &Path) -> Result<PathBuf> {
        let path = report_home(target).join("report.json");
        let json = serde_json::to_string_pretty(&self.lines)?;
        fs::write(&path, json + "\n").with_context(|| format!("cannot write {}", path.display()))?;
        let path = report_home(target).join("index.html");
        fs::write(&path, page(&self.lines)).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}

// === impl Line ===

impl Line {
    fn new(row: &Row, measured: &Measured<'_>) -> Result<Self> {
        let [ours, theirs] = [measured.times(row, row.ours)?, measured.times(row, row.peer)?];
        let ratio = median(ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs).collect());
        let (ours, theirs, is_time) = (median(ours), median(theirs), row.unit == Unit::Nanoseconds);
        let allocations = measured.allocations(row, row.ours)?;
        let within = |measured: f64, bar: Option<f64>| bar.is_none_or(|bar| measured <= bar);
        Ok(Self {
            work: row.work,
            ours: row.ours,
            ours_ns: is_time.then_some(ours),
            ours_calls: (!is_time).then_some(ours),
            peer: row.peer,
            peer_ns: is_time.then_some(theirs),
            peer_calls: (!is_time).then_some(theirs),
            ratio,
            bar: row.bar.ratio,
            bar_ns: row.bar.nanoseconds,
            allocations,
            peer_allocations: measured.allocations(row, row.peer)?,
            allocations_bar: row.bar.allocations,
            pass: within(ratio, row.bar.ratio)
                && within(ours, row.bar.nanoseconds)
                && within(allocations, row.bar.allocations),
        })
    }

    pub(super) const fn work(&self) -> &'static str {
        self.work
    }

    pub(super) const fn sides(&self) -> [&'static str; 2] {
        [self.ours, self.peer]
    }

    pub(super) const fn passes(&self) -> bool {
        self.pass
    }

    /// What was measured of both sides, as a number and in words.
    pub(super) fn amounts(&self) -> [(f64, String); 2] {
        let of = |ns: Option<f64>, calls: Option<f64>| (ns.or(calls).unwrap_or(0.0), amount(ns, calls));
        [of(self.ours_ns, self.ours_calls), of(self.peer_ns, self.peer_calls)]
    }

    /// The most that ours may be, if there is a bar.
    pub(super) fn most(&self) -> Option<f64> {
        let [_, (peer, _)] = self.amounts();
        self.bar_ns.into_iter().chain(self.bar.map(|ratio| ratio * peer)).reduce(f64::min)
    }

    /// The ratio, and the allocations of both sides.
    pub(super) fn note(&self) -> String {
        let [.., allocations, _] = self.cells();
        format!("ratio {:.2}; allocations: {allocations}", self.ratio)
    }

    fn cells(&self) -> [String; 9] {
        let ratio = self.bar.map(|bar| format!("{bar:.2}"));
        let time = self.bar_ns.map(nanoseconds);
        let allocations = self.allocations_bar.map(|bar| format!("{bar:.0} allocations"));
        let bars: Vec<String> = ratio.into_iter().chain(time).chain(allocations).collect();
        let verdict = match self.pass {
            _ if bars.is_empty() => "",
            true => "yes",
            false => "NO",
        };
        [
            self.work.to_owned(),
            self.ours.to_owned(),
            amount(self.ours_ns, self.ours_calls),
            self.peer.to_owned(),
            amount(self.peer_ns, self.peer_calls),
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

fn amount(ns: Option<f64>, calls: Option<f64>) -> String {
    match (ns, calls) {
        (Some(ns), _) => nanoseconds(ns),
        (None, Some(calls)) => format!("{calls:.2} calls"),
        (None, None) => String::new(),
    }
}

fn nanoseconds(ns: f64) -> String {
    match ns {
        ..1e3 => format!("{ns:.1} ns"),
        ..1e6 => format!("{:.1} µs", ns / 1e3),
        _ => format!("{:.1} ms", ns / 1e6),
    }
}
