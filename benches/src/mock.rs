//! The server that chat calls go to, in a process of its own: what it costs is not counted.

use std::{
    env,
    io::{self, BufRead, BufReader, Read, Write},
    process::{Child, Command, Stdio},
    sync::LazyLock,
};

use anyhow::{Context, Result};
use core_affinity::CoreId;
use mainstay_mock_openai::MockOpenAi;
use tokio::{runtime::Builder, task::spawn_blocking};

/// Tells a bench program that it is started to serve, on which core if that is a number.
const SERVE: &str = "MAINSTAY_BENCH_SERVE";

/// The cores that this program may run on, before it keeps to one.
static CORES: LazyLock<Vec<CoreId>> = LazyLock::new(|| core_affinity::get_core_ids().unwrap_or_default());

/// A mock server in another process, killed when this is dropped.
#[derive(Debug)]
pub struct Mock {
    process: Child,
    base_url: String,
}

/// Serves until the parent is gone, if this program was started by [`Mock::start`]; tells whether it was.
///
/// Every program that measures calls asks this first.
///
/// # Errors
///
/// The server cannot be started.
pub fn serve_if_asked() -> Result<bool> {
    let Some(asked) = env::var_os(SERVE) else { return Ok(false) };
    if let Some(id) = asked.to_str().and_then(|id| id.parse().ok()) {
        keep_to(CoreId { id });
    }
    Builder::new_current_thread().enable_all().build()?.block_on(serve())?;
    Ok(true)
}

/// Keeps this thread, and those that it starts, on one core, where the system can. Elsewhere the measure is less steady.
fn keep_to(core: CoreId) {
    let _ = core_affinity::set_for_current(core);
}

async fn serve() -> Result<()> {
    let mock = MockOpenAi::builder().start().await?;
    writeln!(io::stdout(), "{}", mock.base_url())?;
    // The parent holds the other end of our input and writes nothing into it: its end is the parent's end.
    spawn_blocking(|| io::stdin().read(&mut [0])).await??;
    Ok(())
}

// === impl Mock ===

impl Mock {
    /// Starts this very program again, to serve.
    ///
    /// # Errors
    ///
    /// The process cannot be started, or does not say where it serves.
    pub fn start() -> Result<Self> {
        Self::start_as("anywhere")
    }

    /// The same on the last core, and what this thread and those that it starts do from now on on the first. What a call costs that
    /// waits for its answer can double with where the system has put the two, and stays so for seconds.
    ///
    /// # Errors
    ///
    /// As of [`start`](Self::start).
    pub fn start_apart() -> Result<Self> {
        let (Some(ours), Some(its)) = (CORES.first(), CORES.last()) else { return Self::start() };
        keep_to(*ours);
        Self::start_as(&its.id.to_string())
    }

    fn start_as(asked: &str) -> Result<Self> {
        let mut process = Command::new(env::current_exe()?)
            .env(SERVE, asked)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the mock server's process")?;
        let said = process.stdout.take().context("the mock server's output is not piped")?;
        let mut mock = Self { process, base_url: String::new() };
        BufReader::new(said).read_line(&mut mock.base_url).context("the mock server does not say its URL")?;
        mock.base_url.truncate(mock.base_url.trim_end().len());
        Ok(mock)
    }

    /// `http://127.0.0.1:PORT/v1`.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        // It fails only if the process has ended by itself, which is as good.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
