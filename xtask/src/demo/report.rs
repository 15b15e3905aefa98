//! The passes beside each other.

use std::{collections::BTreeSet, fmt::Write, time::Duration};

use comfy_table::{CellAlignment, Table, presets::UTF8_FULL_CONDENSED};
use mainstay::FaultKind;

use super::pass::Pass;

/// A row for each figure, a column for each pass.
pub(crate) fn table(passes: &[&Pass]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header([String::new()].into_iter().chain(passes.iter().map(|pass| pass.name.to_owned())));
    let mut row = |name: &str, figure: &dyn Fn(&Pass) -> String| {
        table.add_row([name.to_owned()].into_iter().chain(passes.iter().map(|pass| figure(pass))));
    };
    row("documents", &|pass| pass.documents.to_string());
    row("answered", &|pass| format!("{} ({:.1} %)", pass.answers.len(), pass.answered_share() * 100.0));
    row("lost", &|pass| count(pass.failed.values().sum()));
    let kinds: BTreeSet<FaultKind> = passes.iter().flat_map(|pass| pass.failed.keys().copied()).collect();
    for kind in kinds {
        row(&format!("  {kind}"), &|pass| count(pass.failed.get(&kind).copied().unwrap_or(0)));
    }
    row("upstream calls", &|pass| pass.calls.to_string());
    row("  per document", &|pass| format!("{:.2}", pass.calls as f64 / pass.documents as f64));
    if passes.iter().any(|pass| pass.limited.is_some()) {
        row("rate limited by server", &|pass| pass.limited.map_or_else(|| "-".into(), count));
    }
    row("retries", &|pass| count(pass.retries));
    row("  waited, in all", &|pass| if pass.retries == 0 { "-".into() } else { seconds(pass.waited) });
    if passes.iter().any(|pass| pass.tokens.is_some()) {
        row("tokens billed", &|pass| pass.tokens.map_or_else(|| "-".into(), |tokens| tokens.to_string()));
    }
    row("latency p50", &|pass| quantile(pass, 0.5));
    row("latency p99", &|pass| quantile(pass, 0.99));
    row("took", &|pass| seconds(pass.took));
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// A few of the extractions, to see that they are real.
pub(crate) fn samples(pass: &Pass) -> String {
    const SHOWN: usize = 4;
    let mut answers: Vec<_> = pass.answers.iter().filter(|(_, it)| !it.holders.is_empty()).collect();
    answers.sort_by_key(|(id, _)| id.as_str());
    let step = (answers.len() / SHOWN).max(1);
    let mut text = format!("{} of the answers:\n", SHOWN.min(answers.len()));
    for (id, extraction) in answers.into_iter().step_by(step).take(SHOWN) {
        let years =
            extraction.years.map_or_else(String::new, |[first, last]| format!(" ({first} to {last})"));
        let holders = shortened(&extraction.holders.join(", "));
        let licenses = shortened(&extraction.licenses.join(", "));
        let _ = writeln!(text, "  {id}: {holders}{years}; {licenses}");
    }
    text
}

fn count(count: u64) -> String {
    if count == 0 { "-".to_owned() } else { count.to_string() }
}

fn quantile(pass: &Pass, quantile: f64) -> String {
    format!("{:.0} ms", pass.latency.value_at_quantile(quantile) as f64 / 1e3)
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

fn shortened(text: &str) -> String {
    const LENGTH: usize = 60;
    match text.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(text)),
        None => text.to_owned(),
    }
}
