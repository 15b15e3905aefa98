//! Prints an answer as it comes. What fails before its first token is repaired unseen.
#![allow(clippy::print_stdout, reason = "a program for people")]

use std::{
    io::{Write, stdout},
    time::Duration,
};

use clap::Parser;
use futures_util::StreamExt;
use mainstay::{ChatRequest, Mainstay, RetryPolicy, backoff::RetryEvent, openai::StreamOptions};
use mainstay_examples::Server;
use mainstay_mock_openai::{Latency, ModelPlan, Plan, StreamFault};

/// Prints an answer as it comes.
#[derive(Parser)]
struct Options {
    /// What is asked, in quotation marks.
    #[arg(default_value = "Tell me of the sea.")]
    question: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Options { question } = Options::parse();
    // The mock's first two streams: one ends before its first token, one begins with an error. Then it speaks.
    let hurts = ModelPlan::new()
        .sequence([StreamFault::EmptyStream, StreamFault::ErrorFirst])
        .per_token(Latency::Constant(Duration::from_millis(20)));
    let server = Server::from_env_or(Plan::new().default_model(hurts)).await?;

    let mainstay = Mainstay::builder()
        .client(|client| server.client(client))
        .first_token_timeout(Duration::from_secs(20))
        .retry(RetryPolicy::default().on_retry(|RetryEvent { attempt, fault, delay, .. }| {
            eprintln!("attempt {attempt}: {fault}; once more in {delay:.1?}");
        }))
        .build()?;

    let mut request = ChatRequest::new(&server.model).user(question);
    request.stream_options = Some(StreamOptions::with_usage());

    let mut stream = mainstay.chat_stream(request).await?;
    while let Some(chunk) = stream.next().await {
        // An error here is the last item: what was printed is the exact beginning of one answer, and no more.
        print!("{}", chunk?.text());
        stdout().flush()?;
    }
    println!();
    if let Some(usage) = stream.usage() {
        eprintln!("\n{} tokens in, {} out", usage.prompt_tokens, usage.completion_tokens);
    }
    Ok(())
}
