use std::{collections::HashSet, io::Write, sync::Mutex, thread};

/// Says, once for each test, that it is left out because something is missing on this machine: `left out: <test>: <why>`, past what
/// captures a test's output. `cargo xtask test` counts these lines.
///
/// # Panics
///
/// Where all tests must run: under `CI=true`.
///
/// # Examples
///
/// ```no_run
/// fn a_test() {
///     if std::process::Command::new("redis-server").arg("--version").output().is_err() {
///         return mainstay_testkit::left_out("no redis-server on this machine");
///     }
/// }
/// ```
pub fn left_out(why: &str) {
    static SAID: Mutex<Option<HashSet<String>>> = Mutex::new(None);
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "under CI=true all tests must run: {why}");
    let test = thread::current().name().unwrap_or("a test").to_owned();
    let new = SAID.lock().is_ok_and(|mut said| said.get_or_insert_default().insert(test.clone()));
    if new {
        // Not by a macro: those are captured. A line that cannot be written is missing in the count.
        let _ = std::io::stderr().write_all(format!("left out: {test}: {why}\n").as_bytes());
    }
}
