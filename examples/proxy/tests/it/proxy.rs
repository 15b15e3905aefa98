//! The program under test.

use std::{fmt::Write, process::Stdio};

use mainstay_mock_openai::{MockOpenAi, ModelPlan, Plan};
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStderr, Command},
};

/// The program, running, with its file of settings. It is killed when this is dropped.
pub(crate) struct Proxy {
    pub(crate) base_url: String,
    pub(crate) file: NamedTempFile,
    pub(crate) child: Child,
    said: Lines<BufReader<ChildStderr>>,
}

/// A program that has not been started.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_axum_service"));
    command.args(["--port", "0"]).env_remove("MAINSTAY_PROXY_KEYS").env("RUST_LOG", "axum_service=info");
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Settings with one route for each model of a server, without retries.
pub(crate) fn settings(mock: &MockOpenAi, models: &[&str]) -> String {
    let mut text = format!(
        "max_wait = \"0s\"\n[retry]\nretries = 0\n[backends.mock]\nbase_url = \"{}\"\n",
        mock.base_url()
    );
    for model in models {
        writeln!(text, "[routes.\"{model}\"]\ntiers = [{{ models = [{{ on = \"mock\" }}] }}]").unwrap();
    }
    text
}

/// A server with one model, and the proxy in front of it.
pub(crate) async fn before(model: ModelPlan) -> (MockOpenAi, Proxy) {
    let mock = MockOpenAi::builder().plan(Plan::new().model("m", model)).start().await.unwrap();
    let proxy = Proxy::start(&settings(&mock, &["m"])).await;
    (mock, proxy)
}

/// Waits until something is so.
pub(crate) async fn until(mut so: impl FnMut() -> bool) {
    while !so() {
        tokio::task::yield_now().await;
    }
}

// === impl Proxy ===

impl Proxy {
    pub(crate) async fn start(settings: &str) -> Self {
        Self::start_with(settings, |command| command).await
    }

    pub(crate) async fn start_with(settings: &str, set: impl FnOnce(&mut Command) -> &mut Command) -> Self {
        let file = NamedTempFile::new().unwrap();
        std::fs::write(&file, settings).unwrap();
        let mut command = program();
        set(command.arg("--config").arg(file.path()));
        Self::spawn(command, file).await
    }

    /// Starts the program, which says where it listens.
    pub(crate) async fn spawn(mut command: Command, file: NamedTempFile) -> Self {
        let mut child = command.spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let Some(base_url) = lines.next_line().await.unwrap() else {
            panic!("it did not start: {:?}", said.next_line().await);
        };
        Self { base_url, file, child, said }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url.trim_end_matches("/v1"))
    }

    pub(crate) fn post(&self, body: &Value) -> RequestBuilder {
        client().post(self.url("/v1/chat/completions")).json(body)
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        client().get(self.url(path)).send().await.unwrap()
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        self.get(path).await.json().await.unwrap()
    }

    /// Waits until the program has said this in its log.
    pub(crate) async fn says(&mut self, words: &str) {
        while !self.said.next_line().await.unwrap().expect("it has ended").contains(words) {}
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().unwrap().to_string();
        let killed = std::process::Command::new("kill").args(["-s", name, &pid]).status().unwrap();
        assert!(killed.success());
    }
}

/// A client that knows of no other proxy.
pub(crate) fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

pub(crate) fn ask(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "Tell me of the sea."}]})
}

pub(crate) fn ask_stream(model: &str) -> Value {
    let mut body = ask(model);
    body["stream"] = true.into();
    body
}

/// The status, and the error that stands in the body.
pub(crate) async fn refusal(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    let error = body["error"].clone();
    assert!(error["message"].is_string() && error["type"].is_string(), "{body}");
    (status, error)
}
