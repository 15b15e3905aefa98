//! The server as a program: `mainstay-mock-openai --port 8080 --plan plan.toml`.

use std::{
    io::{self, Write},
    net::IpAddr,
    path::PathBuf,
    process::ExitCode,
};

use clap::Parser;
use mainstay_mock_openai::{MockOpenAi, Plan};

/// An OpenAI-compatible server that misbehaves on demand.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    /// The address to listen on.
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
    /// The port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// How to behave: a TOML file. Without it, all goes well.
    #[arg(long)]
    plan: Option<PathBuf>,
    /// What chance is drawn from, in place of the plan's own seed.
    #[arg(long)]
    seed: Option<u64>,
}

/// The exit status for a plan or an address that will not do, as for wrong arguments.
const UNUSABLE: u8 = 2;

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::from(UNUSABLE)
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let plan = arguments.plan.map_or_else(|| Ok(Plan::new()), Plan::from_path)?;
    let plan = match arguments.seed {
        Some(seed) => plan.seed(seed),
        None => plan,
    };
    let mock = MockOpenAi::builder().plan(plan).bind((arguments.host, arguments.port)).start().await?;
    writeln!(io::stdout(), "{}", mock.base_url())?;
    tokio::signal::ctrl_c().await?;
    let stats = mock.stop().await;
    writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&stats)?)?;
    Ok(())
}
