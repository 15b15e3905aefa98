use comfy_table::{CellAlignment, Table, presets::UTF8_FULL_CONDENSED};

use super::Outcome;

/// Makes a table: a row for each day.
pub fn table(outcomes: &[Outcome]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header([
        "day",
        "bare",
        "with tiers",
        "first try",
        "retried",
        "small model",
        "parser",
        "people",
        "lost",
        "calls each",
        "cost",
        "p50",
        "p99",
    ]);
    for outcome in outcomes {
        let percent = |documents| format!("{:.1} %", outcome.percent(documents));
        let millis = |quantile| format!("{} ms", outcome.latency(quantile).as_millis());
        table.add_row([
            outcome.day.to_owned(),
            percent(outcome.bare),
            percent(outcome.answered()),
            outcome.first.to_string(),
            outcome.retried.to_string(),
            outcome.small.to_string(),
            outcome.parser.to_string(),
            format!("{} ({})", outcome.queued, percent(outcome.queued)),
            outcome.lost.to_string(),
            format!("{:.2}", outcome.calls_each()),
            format!("${:.3}", outcome.dollars),
            millis(0.5),
            millis(0.99),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
