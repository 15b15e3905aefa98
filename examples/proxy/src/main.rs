//! An OpenAI-compatible proxy in front of backends that fail: every route of one file, served on axum.
//!
//! ```sh
//! cargo run -p mainstay-proxy -- --mock                              # without a key, in front of mocks that fail on purpose
//! cargo run -p mainstay-proxy -- --config proxy.toml --port 8080     # in front of what the file names
//! ```
#![allow(clippy::print_stdout, reason = "a program for people")]

// What it serves.
mod app;
mod body;
mod chat;
mod embeddings;
mod events;
mod health;
mod models;

// What went wrong, as the API says it.
mod api_error;
mod failure;

// Who may call, and what is counted.
mod keys;
mod meter;

// The process.
mod mock;
mod options;
mod serve;
mod signals;

use std::{io::IsTerminal, process::ExitCode};

use clap::Parser;
use tracing_subscriber::fmt::format::FmtSpan;

/// The exit status for settings that cannot be used, as for wrong arguments.
const UNUSABLE: u8 = 2;

#[tokio::main]
async fn main() -> ExitCode {
    // A line for each call at its end: Mainstay's own span, which has no word of it.
    let filter = tracing_subscriber::EnvFilter::try_from_default_env();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_span_events(FmtSpan::CLOSE)
        .with_env_filter(filter.unwrap_or_else(|_| "axum_service=info,mainstay::ongoing=info,warn".into()))
        .init();
    match serve::run(options::Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", told(&error));
            ExitCode::from(UNUSABLE)
        }
    }
}

/// An error and its causes, each of which is named once.
fn told(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |told, cause| match told.as_str() {
        "" => cause,
        _ if told.contains(&cause) => told,
        _ => format!("{told}: {cause}"),
    })
}
