//! The official clients of the API, as they are in their registries, in front of the proxy.
//!
//! Each is installed once, in a folder of its own under `target/`. Where a language or its registry is missing, the test says
//! so and is left out; under `CI=true` it fails.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use mainstay_mock_openai::{Dialect, MockOpenAi, ModelPlan, Plan, RetryAfter, StreamFault, WholeFault};
use mainstay_testkit::left_out;

use crate::proxy::{Proxy, settings};

const MODELS: [&str; 6] = ["good", "limited", "quota", "overlong", "broken", "cut"];

async fn misbehaving() -> MockOpenAi {
    let always = |fault: WholeFault| ModelPlan::new().fault(fault, 1.0);
    let breaking = |fault: StreamFault| ModelPlan::new().fault(fault, 1.0);
    let plan = Plan::new()
        .model("limited", always(WholeFault::RateLimited(RetryAfter::raw("7"))))
        .model("quota", always(WholeFault::InsufficientQuota))
        .model("overlong", always(WholeFault::ContextLength(Dialect::Openai)))
        .model("broken", breaking(StreamFault::ErrorEvent { after: 3 }))
        .model("cut", breaking(StreamFault::Cut { after: 3 }));
    MockOpenAi::builder().plan(plan).start().await.unwrap()
}

/// Where a client lives.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients").join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Runs a step of an installation; says why it cannot be done.
fn step(command: &mut Command) -> Result<(), String> {
    let shown = command.get_program().display().to_string();
    let output = command.output().map_err(|error| format!("{shown}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{shown}: {}", said.lines().last().unwrap_or_default()))
}

/// Runs a client's script against the proxy; each of its lines names a check that has passed.
async fn run(mut script: Command) {
    let mock = misbehaving().await;
    let keys = tempfile::NamedTempFile::new().unwrap();
    fs::write(&keys, "sk-caller").unwrap();
    let proxy =
        Proxy::start_with(&settings(&mock, &MODELS), |command| command.arg("--keys-file").arg(keys.path()))
            .await;
    script
        .env("OPENAI_BASE_URL", &proxy.base_url)
        .env("OPENAI_API_KEY", "sk-caller")
        .env("NO_PROXY", "127.0.0.1");
    let output = tokio::task::spawn_blocking(move || script.output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let passed: Vec<_> = said.lines().collect();
    assert_eq!(
        passed,
        ["models", "chat", "stream", "limited", "quota", "overlong", "missing", "key", "broken", "cut"]
    );
    assert_eq!(mock.stats().executions["from-client"], 1);
}

#[tokio::test]
async fn the_python_client_sees_the_api_it_knows() {
    let folder = folder("python");
    let python = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let installed = if folder.join("installed").exists() {
        Ok(())
    } else {
        let venv = step(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder));
        let pip = venv
            .and_then(|()| step(Command::new(&python).args(["-m", "pip", "install", "--quiet", "openai"])));
        pip.map(|()| fs::write(folder.join("installed"), "").unwrap())
    };
    match installed {
        Ok(()) => {
            let mut script = Command::new(python);
            script.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/client.py"));
            run(script).await;
        }
        Err(why) => left_out(&why),
    }
}

#[tokio::test]
async fn the_node_client_sees_the_api_it_knows() {
    let folder = folder("node");
    let installed = if folder.join("installed").exists() {
        Ok(())
    } else {
        let npm = step(
            Command::new("npm").args(["install", "--silent", "--no-save", "openai", "--prefix"]).arg(&folder),
        );
        npm.map(|()| fs::write(folder.join("installed"), "").unwrap())
    };
    match installed {
        Ok(()) => {
            // Node looks for packages beside the script.
            fs::copy(
                concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/client.mjs"),
                folder.join("client.mjs"),
            )
            .unwrap();
            let mut script = Command::new("node");
            script.arg(folder.join("client.mjs"));
            run(script).await;
        }
        Err(why) => left_out(&why),
    }
}
