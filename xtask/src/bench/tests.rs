//! From what the programs leave behind to the report.

use std::fs;

use mainstay_benches::{Bar, ROUNDS, Row, Unit, programs};
use tempfile::TempDir;

use super::{
    Options,
    measured::{Measured, allocations_path, criterion_home},
    report::Report,
};

const ROW: Row = Row {
    program: "retry",
    work: "retry, success at once",
    ours: "ours",
    peer: "theirs",
    bar: Bar { ratio: Some(2.0), nanoseconds: None, allocations: Some(0.0) },
    unit: Unit::Nanoseconds,
};

/// As criterion writes it.
const ESTIMATES: &str = include_str!("tests/estimates.json");

/// The median in that file.
const MEDIAN: f64 = 7.377_031_553_398_058;

/// A target directory in which a run has measured [`ROW`]; ours takes some times theirs, and allocates so often.
fn target(ratio: f64, allocations: u32) -> TempDir {
    let target = tempfile::tempdir().unwrap();
    for round in 1..=ROUNDS {
        // A machine that is slower with each round slows both sides.
        let theirs = MEDIAN * f64::from(round);
        write(&target, "theirs", round, theirs);
        write(&target, "ours", round, theirs * ratio);
    }
    let path = allocations_path(target.path(), ROW.program);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!(r#"{{"{}": {{"ours": {allocations}, "theirs": 6}}}}"#, ROW.work)).unwrap();
    target
}

fn write(target: &TempDir, side: &str, round: u32, median: f64) {
    let folder = criterion_home(target.path()).join(ROW.work).join(side).join(round.to_string()).join("new");
    fs::create_dir_all(&folder).unwrap();
    let estimates = ESTIMATES.replace(&MEDIAN.to_string(), &median.to_string());
    fs::write(folder.join("estimates.json"), estimates).unwrap();
}

fn report(target: &TempDir) -> anyhow::Result<Report> {
    Report::new([&ROW].into_iter(), &Measured::new(target.path(), ROUNDS))
}

fn json(target: &TempDir) -> serde_json::Value {
    let page = report(target).unwrap().write(target.path()).unwrap();
    serde_json::from_slice(&fs::read(page.with_file_name("report.json")).unwrap()).unwrap()
}

#[test]
fn a_row_is_the_median_of_its_rounds() {
    let target = target(1.5, 0);
    assert!(report(&target).unwrap().passes());
    let expected = serde_json::json!([{
        "work": "retry, success at once",
        "ours": "ours",
        "ours_ns": MEDIAN * 8.0 * 1.5,
        "ours_calls": null,
        "peer": "theirs",
        "peer_ns": MEDIAN * 8.0,
        "peer_calls": null,
        "ratio": 1.5,
        "bar": 2.0,
        "bar_ns": null,
        "allocations": 0.0,
        "peer_allocations": 6.0,
        "allocations_bar": 0.0,
        "pass": true,
    }]);
    assert_eq!(json(&target), expected);
}

#[test]
fn a_time_above_its_bar_fails() {
    let target = target(2.01, 0);
    assert!(!report(&target).unwrap().passes());
    assert_eq!(json(&target)[0]["pass"], false);
}

#[test]
fn a_time_that_takes_too_long_fails_however_long_the_peer_takes() {
    let (target, row) = (target(1.0, 0), |ns| Row { bar: Bar { nanoseconds: Some(ns), ..ROW.bar }, ..ROW });
    let report = |row| Report::new([&row].into_iter(), &Measured::new(target.path(), ROUNDS)).unwrap();
    assert!(report(row(MEDIAN * 8.0)).passes() && !report(row(MEDIAN * 7.9)).passes());
}

#[test]
fn calls_are_no_time() {
    let (target, row) = (target(1.0, 0), Row { unit: Unit::Calls, ..ROW });
    let report = Report::new([&row].into_iter(), &Measured::new(target.path(), ROUNDS)).unwrap();
    assert!(report.table().to_string().contains("59.02 calls"), "{}", report.table());
}

#[test]
fn an_allocation_above_its_bar_fails() {
    assert!(!report(&target(1.0, 1)).unwrap().passes());
}

#[test]
fn the_table_says_what_passes() {
    let table = report(&target(2.5, 0)).unwrap().table().to_string();
    for said in
        ["retry, success at once", "147.5 ns", "59.0 ns", "2.50", "2.00, 0 allocations", "0 beside 6", "NO"]
    {
        assert!(table.contains(said), "{said:?} is not in\n{table}");
    }
}

#[test]
fn the_page_draws_both_sides_and_the_bar() {
    let target = target(2.5, 0);
    let page = fs::read_to_string(report(&target).unwrap().write(target.path()).unwrap()).unwrap();
    for said in [
        "<section class=\"missed\"><h2>retry, success at once</h2>",
        "<div class=\"fill\" style=\"width: 100.0%\"></div><span class=\"bar\" style=\"left: 80.0%\"></span>",
        "<div class=\"fill\" style=\"width: 40.0%\"></div></span><span class=\"value\">59.0 ns</span>",
        "ratio 2.50; allocations: 0 beside 6",
    ] {
        assert!(page.contains(said), "{said:?} is not in\n{page}");
    }
}

#[test]
fn a_file_that_is_missing_is_named() {
    let target = target(1.0, 0);
    let missing = criterion_home(target.path()).join(ROW.work).join("theirs/2/new/estimates.json");
    fs::remove_file(&missing).unwrap();
    let error = format!("{:#}", report(&target).unwrap_err());
    assert!(error.starts_with(&format!("cannot read {}: ", missing.display())), "{error}");
}

#[test]
fn a_side_that_nobody_counted_is_named() {
    let target = target(1.0, 0);
    let row = Row { peer: "others", ..ROW };
    let error = Measured::new(target.path(), ROUNDS).allocations(&row, row.peer).unwrap_err().to_string();
    assert!(error.ends_with("no count for retry, success at once/others"), "{error}");
}

#[test]
fn what_an_earlier_run_measured_is_forgotten() {
    let target = target(1.0, 0);
    let measured = Measured::new(target.path(), ROUNDS);
    measured.forget(&ROW).unwrap();
    measured.forget(&ROW).unwrap();
    assert!(report(&target).is_err());
}

#[test]
fn an_unknown_name_is_answered_with_those_that_there_are() {
    let options = Options { name: Some("rtry".to_owned()), quick: false };
    let error = options.programs().unwrap_err().to_string();
    assert!(
        error.starts_with(
            "no bench is named \"rtry\"; there are: retry, limiter, router, fallback, idempotency, stack, learned, outage, failover, chat, redis"
        ),
        "{error}"
    );
}

#[test]
fn without_a_name_all_run() {
    let options = Options { name: None, quick: false };
    assert_eq!(options.programs().unwrap(), programs().collect::<Vec<_>>());
}
