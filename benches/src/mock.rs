//! The server that chat calls go to, in a process of its own: what it costs is not counted.

use std::{
    env,
    io::{self, BufRead, BufReader, Read, Write},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result};
use mainstay_mock_openai::MockOpenAi;
use tokio::{runtime::Builder, task::spawn_blocking};

/// Tells a bench program that it is started to serve.
const SERVE: &str = "MAINSTAY_BENCH_SERVE";

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
    if env::var_os(SERVE).is_none() {
        return Ok(false);
    }
    Builder::new_current_thread().enable_all().build()?.block_on(serve())?;
    Ok(true)
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
        let mut process = Command::new(env::current_exe()?)
            .env(SERVE, "1")
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
