//! Asks a question, and tells what it took to get the answer.
#![allow(clippy::print_stdout, reason = "a program for people")]

use std::time::Duration;

use clap::Parser;
use mainstay::{
    ChatRequest, Mainstay, RetryPolicy,
    backoff::{Exponential, RetryEvent},
    check,
};
use mainstay_examples::Server;
use mainstay_mock_openai::{ModelPlan, Plan, RetryAfter, WholeFault};

/// Asks a question, and tells what it took to get the answer.
#[derive(Parser)]
struct Options {
    /// What is asked, in quotation marks.
    #[arg(default_value = "What is a mainstay?")]
    question: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Options { question } = Options::parse();
    // The mock's first three answers: a rate limit, an overload, and half an answer.
    let hurts = ModelPlan::new().sequence([
        WholeFault::RateLimited(RetryAfter::raw("0.5")),
        WholeFault::Overloaded(RetryAfter::default()),
        WholeFault::Length,
    ]);
    let server = Server::from_env_or(Plan::new().default_model(hurts)).await?;

    let policy = RetryPolicy::default()
        .backoff(Exponential::new(Duration::from_millis(200), 2.0, Duration::from_secs(10))?)
        .on_retry(|RetryEvent { attempt, fault, delay, .. }| {
            eprintln!("attempt {attempt}: {fault}; once more in {delay:.1?}");
        });
    let mainstay = Mainstay::builder()
        .client(|client| server.client(client))
        .deadline(Duration::from_secs(60))
        .retry(policy)
        .check(check::complete)
        .build()?;

    let request = ChatRequest::new(&server.model).system("Answer in two sentences.").user(question);
    let answer = mainstay.chat(request).await?;
    println!("{}", answer.text());
    if let Some(usage) = &answer.usage {
        eprintln!("\n{}: {} tokens in, {} out", answer.model, usage.prompt_tokens, usage.completion_tokens);
    }
    Ok(())
}
