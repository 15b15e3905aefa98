//! What `cargo xtask bench` says where there is nothing to measure.
#![allow(clippy::unwrap_used, reason = "tests may fail loudly")]

use std::process::Command;

#[test]
fn a_bench_that_is_left_out_overwrites_no_report() {
    let mut bench = Command::new(env!("CARGO_BIN_EXE_xtask"));
    // No program is found there, redis-server least of all.
    let output = bench.args(["bench", "redis"]).env("PATH", "").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("left out: no redis-server"), "{said}");
}
