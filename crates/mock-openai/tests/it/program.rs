//! The program: what it prints, and how it ends.

use std::{
    fs,
    net::TcpListener,
    path::PathBuf,
    process::{Command, Output},
};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mainstay-mock-openai")).args(arguments).output().unwrap()
}

fn errors(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_bad_plan_ends_it_with_status_2_and_the_line() {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bad-plan.toml");
    fs::write(&path, "seed = 1\nsede = 2\n").unwrap();
    let output = run(&["--port", "0", "--plan", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    let shown = errors(&output);
    assert!(shown.contains("bad-plan.toml: TOML parse error at line 2, column 1"), "{shown}");
    assert!(shown.contains("unknown field `sede`"), "{shown}");
}

#[test]
fn a_port_in_use_ends_it_with_status_2_and_the_port() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let output = run(&["--port", &port.to_string()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(errors(&output).contains(&format!("port {port} is already in use")), "{}", errors(&output));
}
