use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
};

use redis::{Client, Cmd, FromRedisValue, aio::MultiplexedConnection};
use tempfile::TempDir;

use super::eventually;

/// A server of its own for a test, on a free port; it dies with it.
pub(super) struct TestServer {
    child: Child,
    port: u16,
    extra: Vec<String>,
    home: TempDir,
}

/// Starts a server; without one on this machine says so, and fails where all must run.
pub(super) async fn start(extra: &[&str]) -> Option<TestServer> {
    if Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_err() {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "no redis-server on this machine");
        println!("left out: no redis-server on this machine");
        return None;
    }
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let home = tempfile::tempdir().unwrap();
    let extra: Vec<_> = extra.iter().map(ToString::to_string).collect();
    let server = TestServer { child: spawn(port, &extra, &home), port, extra, home };
    server.answers().await;
    Some(server)
}

fn spawn(port: u16, extra: &[String], home: &TempDir) -> Child {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"])
        .arg(home.path())
        .args(extra)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

// === impl TestServer ===

impl TestServer {
    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    /// As `kill -9`.
    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again on its port, after it was killed. It has forgotten everything.
    pub(super) async fn restart(&mut self) {
        self.child = spawn(self.port, &self.extra, &self.home);
        self.answers().await;
    }

    /// Sends it a signal.
    pub(super) fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(status.unwrap().success());
    }

    pub(super) async fn ask<T: FromRedisValue>(&self, command: &[&str]) -> T {
        let (name, arguments) = command.split_first().unwrap();
        let mut cmd = Cmd::new();
        cmd.arg(name).arg(arguments);
        cmd.query_async(&mut self.connect().await.unwrap()).await.unwrap()
    }

    async fn connect(&self) -> Option<MultiplexedConnection> {
        Client::open(self.url()).unwrap().get_multiplexed_async_connection().await.ok()
    }

    async fn answers(&self) {
        eventually("the server answers", async || {
            let mut connection = self.connect().await?;
            redis::cmd("PING").query_async::<String>(&mut connection).await.ok()
        })
        .await;
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
