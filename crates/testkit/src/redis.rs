//! A real `redis-server` for a test.
#![allow(clippy::panic, reason = "tests may fail loudly")]

#[cfg(feature = "redis-tls")]
mod tls;

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering::Relaxed},
    },
    time::Duration,
};

use redis::{Client, Cmd, FromRedisValue, aio::MultiplexedConnection};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

#[cfg(feature = "redis-tls")]
pub use self::tls::TlsServer;
use crate::left_out;

/// A server of its own for a test, on a free port; it dies with it.
#[derive(Debug)]
pub struct TestServer {
    child: Child,
    port: u16,
    extra: Vec<String>,
    home: TempDir,
}

/// Tries until it comes true, for half a minute at most.
///
/// # Panics
///
/// When it never does.
pub async fn eventually<T>(what: &str, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..3_000 {
        if let Some(outcome) = attempt().await {
            return outcome;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never came true: {what}");
}

// === impl TestServer ===

impl TestServer {
    /// Tells whether there is one on this machine.
    pub fn is_installed() -> bool {
        Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_ok()
    }

    /// Starts a server with more arguments; without one on this machine says so.
    ///
    /// # Panics
    ///
    /// Without one on this machine, where all tests must run (`CI=true`); or when it does not answer.
    pub async fn start(extra: &[&str]) -> Option<Self> {
        if !Self::is_installed() {
            left_out("no redis-server on this machine");
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").expect("a port is free").local_addr().ok()?.port();
        let home = tempfile::tempdir().expect("a folder can be made");
        let extra: Vec<_> = extra.iter().map(ToString::to_string).collect();
        let server = Self { child: spawn(port, &extra, &home), port, extra, home };
        server.answers().await;
        Some(server)
    }

    /// Returns its address.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Returns its port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// As `kill -9`.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again on its port, after it was killed. It has forgotten everything.
    pub async fn restart(&mut self) {
        self.child = spawn(self.port, &self.extra, &self.home);
        self.answers().await;
    }

    /// Sends it a signal, as `-STOP`.
    ///
    /// # Panics
    ///
    /// When it cannot be sent.
    pub fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "kill {signal}");
    }

    /// Has a command done.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub async fn ask<T: FromRedisValue>(&self, command: &[&str]) -> T {
        let (name, arguments) = command.split_first().expect("a command has a name");
        let mut cmd = Cmd::new();
        cmd.arg(name).arg(arguments);
        let mut connection = self.connect().await.expect("the server is there");
        cmd.query_async(&mut connection).await.expect("the command is understood")
    }

    /// Has a command done that needs this password.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub async fn admit(&self, password: &str, command: &[&str]) {
        let url = format!("redis://:{password}@127.0.0.1:{}/", self.port);
        let client = Client::open(url).expect("it is an address");
        let mut connection = client.get_multiplexed_async_connection().await.expect("the password is right");
        let mut cmd = Cmd::new();
        cmd.arg(command);
        cmd.exec_async(&mut connection).await.expect("the command is understood");
    }

    async fn connect(&self) -> Option<MultiplexedConnection> {
        Client::open(self.url()).ok()?.get_multiplexed_async_connection().await.ok()
    }

    async fn answers(&self) {
        eventually("the server answers", async || {
            let mut connection = self.connect().await?;
            match redis::cmd("PING").query_async::<String>(&mut connection).await {
                Ok(_) => Some(()),
                // It is there, and wants a password.
                Err(error) => (error.code() == Some("NOAUTH")).then_some(()),
            }
        })
        .await;
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(port: u16, extra: &[String], home: &TempDir) -> Child {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"])
        .arg(home.path())
        .args(extra)
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server starts")
}

/// Three servers that are one cluster, with a third of the slots each; without one on this machine says so.
///
/// Slots are served as long as their own node is there.
///
/// # Panics
///
/// As [`TestServer::start`]; or when they do not find each other.
pub async fn cluster() -> Option<Vec<TestServer>> {
    let mut nodes = Vec::new();
    for slots in [["0", "5460"], ["5461", "10922"], ["10923", "16383"]] {
        let arguments = ["--cluster-enabled", "yes", "--cluster-require-full-coverage", "no"];
        let node = TestServer::start(&arguments).await?;
        let [first, last] = slots;
        let _: String = node.ask(&["CLUSTER", "ADDSLOTSRANGE", first, last]).await;
        nodes.push(node);
    }
    for (number, node) in nodes.iter().enumerate() {
        let _: String = node.ask(&["CLUSTER", "SET-CONFIG-EPOCH", &(number + 1).to_string()]).await;
    }
    let (first, others) = nodes.split_first()?;
    for node in others {
        let _: String = first.ask(&["CLUSTER", "MEET", "127.0.0.1", &node.port().to_string()]).await;
    }
    for node in &nodes {
        eventually("the nodes know each other", async || {
            let info: String = node.ask(&["CLUSTER", "INFO"]).await;
            (info.contains("cluster_state:ok") && info.contains("cluster_size:3")).then_some(())
        })
        .await;
    }
    Some(nodes)
}

/// A network before a server, which can be made to drop all.
#[derive(Debug)]
pub struct Partition {
    port: u16,
    mode: Arc<AtomicU8>,
}

/// All is carried; what was broken is closed.
const WHOLE: u8 = 0;
/// All is dropped.
const DROPS: u8 = 1;
/// New connections are carried; what was broken stays open, and all that is sent there is swallowed.
const SWALLOWS: u8 = 2;

// === impl Partition ===

impl Partition {
    /// Puts one before a server, for as long as the runtime is there.
    ///
    /// # Panics
    ///
    /// When no port is free.
    pub async fn before(server: &TestServer) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("it has an address").port();
        let mode = Arc::new(AtomicU8::new(WHOLE));
        let (seen, to) = (Arc::clone(&mode), server.port);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(("127.0.0.1", to)).await else { continue };
                let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                tokio::spawn(carry(near_in, far_out, Arc::clone(&seen)));
                tokio::spawn(carry(far_in, near_out, Arc::clone(&seen)));
            }
        });
        Self { port, mode }
    }

    /// Returns its address.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Has it drop all from now on, or no more. What was connected meanwhile stays broken, and is closed.
    pub fn drop_all(&self, drops: bool) {
        self.mode.store(if drops { DROPS } else { WHOLE }, Relaxed);
    }

    /// Has it carry what is connected from now on. What was connected while it dropped all swallows on, without a word.
    pub fn carry_new(&self) {
        self.mode.store(SWALLOWS, Relaxed);
    }
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mode: Arc<AtomicU8>) {
    let mut bytes = vec![0; 64 << 10];
    let mut broken = false;
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        let mode = mode.load(Relaxed);
        broken |= mode == DROPS;
        if !broken && to.write_all(bytes.get(..read).unwrap_or_default()).await.is_err() {
            return;
        }
        if broken && mode == WHOLE {
            // The network is back, and knows nothing of this connection.
            return;
        }
    }
}
