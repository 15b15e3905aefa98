//! What `cargo xtask test` says.
#![allow(clippy::unwrap_used, reason = "tests may fail loudly")]

use std::process::Command;

#[test]
fn a_step_that_there_is_not_is_an_error_and_no_success() {
    let output = Command::new(env!("CARGO_BIN_EXE_xtask")).args(["test", "bogus"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("no step is named `bogus`; there are: formatting, lints, "), "{said}");
}
