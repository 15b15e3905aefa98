use std::{net::IpAddr, num::NonZeroUsize, path::PathBuf};

use clap::Parser;

/// An OpenAI-compatible proxy that keeps calls alive in front of backends that fail.
///
/// SIGTERM and Ctrl-C end it when the calls under way have ended; SIGHUP reads its files again.
#[derive(Parser)]
#[command(version, about, long_about)]
#[command(group = clap::ArgGroup::new("backends").required(true).args(["config", "mock"]))]
pub(crate) struct Options {
    /// The backends and routes: a file as of `mainstay::Config`.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Serve two mock backends in this process that fail on purpose: needs no file and no key.
    #[arg(long)]
    pub(crate) mock: bool,
    /// The address to listen on.
    #[arg(long, default_value = "127.0.0.1")]
    pub(crate) host: IpAddr,
    /// The port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    pub(crate) port: u16,
    /// The keys that callers must have one of, one a line. `MAINSTAY_PROXY_KEYS` may hold more, with commas between.
    #[arg(long, value_name = "FILE")]
    pub(crate) keys_file: Option<PathBuf>,
    /// The longest body of a request, in bytes.
    #[arg(long, default_value = "33554432", value_name = "BYTES")]
    pub(crate) max_body: NonZeroUsize,
    /// How many seconds the calls under way have to end when the process is told to stop.
    #[arg(long, default_value_t = 600, value_name = "SECONDS")]
    pub(crate) grace: u64,
}
