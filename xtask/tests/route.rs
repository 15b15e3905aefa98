//! What `cargo xtask route` says of files that are of no use.
#![allow(clippy::unwrap_used, reason = "tests may fail loudly")]

use std::process::Command;

#[test]
fn a_file_that_is_no_model_is_named() {
    let mut explain = Command::new(env!("CARGO_BIN_EXE_xtask"));
    let output = explain.args(["route", "explain", "--model", "Cargo.toml", "What?"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said, "error: Cargo.toml: this is not a routing model\n");
}
