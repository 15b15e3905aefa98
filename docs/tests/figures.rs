//! What the guide says in figures is what the code does.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly")]

use std::time::Duration;

use mainstay::{Config, Preset, RetryBudgetConfig, RetryConfig};

const TUNING: &str = include_str!("../src/tuning.md");
const CONFIGURATION: &str = include_str!("../src/configuration.md");

/// A duration as the guide has it: in its largest whole unit.
fn shown(time: Duration) -> String {
    match time.as_millis() {
        hours if hours % 3_600_000 == 0 => format!("{} h", hours / 3_600_000),
        minutes if minutes % 60_000 == 0 => format!("{} min", minutes / 60_000),
        seconds if seconds % 1_000 == 0 => format!("{} s", seconds / 1_000),
        millis => format!("{millis} ms"),
    }
}

#[test]
fn the_table_of_presets_is_what_they_are() {
    let columns = [Config::from_toml("").unwrap(), Preset::Interactive.config(), Preset::Batch.config()];
    let row = |name: &str, figure: &dyn Fn(&Config) -> String| {
        let figures: Vec<_> = columns.iter().map(figure).collect();
        let row = format!("| {name} | {} |", figures.join(" | "));
        assert!(TUNING.lines().any(|line| line == row), "tuning.md has no row\n{row}");
    };
    row("the whole call", &|config| shown(config.deadline));
    row("one attempt, answered whole", &|config| shown(config.attempt_timeout));
    row("to the first token", &|config| shown(config.first_token_timeout));
    row("from token to token", &|config| shown(config.between_tokens_timeout));
    row("the longest wait for our own limits", &|config| shown(config.max_wait));
    row("retries, from, up to", &|Config { retry, .. }| {
        format!("{}, {}, {}", retry.retries, shown(retry.base), shown(retry.cap))
    });
    row("the longest Retry-After that is waited for", &|config| shown(config.retry.max_wait));
}

#[test]
fn the_versions_to_depend_on_are_those_of_this_workspace() {
    let (version, _) = env!("CARGO_PKG_VERSION").rsplit_once('.').unwrap();
    for text in [include_str!("../src/intro.md"), include_str!("../../README.md")] {
        let block = text.split("```toml\n[dependencies]\n").nth(1).unwrap().split("```").next().unwrap();
        assert!(block.lines().next().unwrap().ends_with(&format!("\"{version}\"")), "{block}");
        assert!(text.contains(concat!("needs Rust ", env!("CARGO_PKG_RUST_VERSION"), " or later")));
    }
}

#[test]
fn the_block_on_retries_has_all_fields_and_their_defaults() {
    let block = CONFIGURATION.split("```toml\n").find(|block| block.starts_with("[retry]\n")).unwrap();
    let block = block.split("```").next().unwrap();
    let retry = Config::from_toml(block).unwrap().retry;
    assert_eq!(retry.budget, Some(RetryBudgetConfig::default()));
    let fields = serde_json::to_value(&retry).unwrap();
    for field in fields.as_object().unwrap().keys() {
        assert!(
            block.lines().any(|line| line.starts_with(&format!("{field} = "))),
            "{field} is not in\n{block}"
        );
    }
    let mut unset = retry;
    unset.budget = None;
    assert_eq!(unset, RetryConfig::default());
}
