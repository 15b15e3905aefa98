//! The official clients of the API, as they are in their registries, in front of the proxy.
//!
//! Each is installed once, in a folder of its own under `target/`, in the version that stands beside its script in `tests/clients`. Where a language or its registry is missing, the test says
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

/// A file of those beside the scripts.
fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name)
}

/// Where a client lives, once it is installed there in the version that `wanted` names.
fn installed(
    name: &str,
    wanted: &str,
    install: impl FnOnce(&Path) -> Result<(), String>,
) -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients").join(name);
    fs::create_dir_all(&folder).unwrap();
    let (wanted, marker) = (fs::read_to_string(file(wanted)).unwrap(), folder.join("installed"));
    if fs::read_to_string(&marker).ok().as_ref() != Some(&wanted) {
        install(&folder)?;
        fs::write(marker, wanted).unwrap();
    }
    Ok(folder)
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
        [
            "models",
            "chat",
            "stream",
            "embeddings",
            "limited",
            "quota",
            "overlong",
            "missing",
            "key",
            "broken",
            "cut"
        ]
    );
    let executions = mock.stats().executions;
    assert!(
        executions.iter().any(|(key, times)| key.ends_with("-from-client") && *times == 1),
        "{executions:?}"
    );
}

#[tokio::test]
async fn the_python_client_sees_the_api_it_knows() {
    let python = |folder: &Path| folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let folder = installed("python", "requirements.txt", |folder| {
        step(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder))?;
        let mut pip = Command::new(python(folder));
        step(pip.args(["-m", "pip", "install", "--quiet", "-r"]).arg(file("requirements.txt")))
    });
    match folder {
        Ok(folder) => {
            let mut script = Command::new(python(&folder));
            script.arg(file("client.py"));
            run(script).await;
        }
        Err(why) => left_out(&why),
    }
}

#[tokio::test]
async fn the_node_client_sees_the_api_it_knows() {
    let folder = installed("node", "package.json", |folder| {
        fs::copy(file("package.json"), folder.join("package.json")).unwrap();
        step(Command::new("npm").args(["install", "--silent", "--prefix"]).arg(folder))
    });
    match folder {
        Ok(folder) => {
            // Node looks for packages beside the script.
            let path = folder.join("client.mjs");
            fs::copy(file("client.mjs"), &path).unwrap();
            let mut script = Command::new("node");
            script.arg(path);
            run(script).await;
        }
        Err(why) => left_out(&why),
    }
}
