//! What `cargo xtask demo` shows.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly")]

use std::process::Command;

use mainstay_testkit::{left_out, redis::TestServer};

/// The cells of a row of the table.
fn row<'a>(shown: &'a str, name: &str) -> Vec<&'a str> {
    let line =
        shown.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("no {name:?} in\n{shown}"));
    line.split(['│', '┆']).map(str::trim).filter(|cell| !cell.is_empty()).collect()
}

#[test]
fn four_processes_share_a_limit_and_run_each_document_once() {
    if !TestServer::is_installed() {
        return left_out("no redis-server on this machine");
    }
    let mut demo = Command::new(env!("CARGO_BIN_EXE_xtask"));
    let output = demo.args(["demo", "--processes", "4", "--documents", "40"]).output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{shown}{}", String::from_utf8_lossy(&output.stderr));
    // Ten documents are submitted by all, the others by one each.
    assert_eq!(row(&shown, "submitted").last(), Some(&"70"), "{shown}");
    assert_eq!(row(&shown, "answered").last(), Some(&"70"), "{shown}");
    assert_eq!(row(&shown, "runs of the model").last(), Some(&"40"), "{shown}");
    assert_eq!(row(&shown, "for the same key").last(), Some(&"1"), "{shown}");
}
