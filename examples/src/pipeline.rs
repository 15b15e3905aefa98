//! Documents through a service on good days and bad ones: by a bare client, and through tiers.
//!
//! The tiers: three attempts at the large model; then the small one; then a parser that reads the documents which follow
//! a format; then a queue for people.

mod chart;
mod day;
mod outcome;
mod table;

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Result;
use futures_util::{StreamExt, stream};
use mainstay::{
    ChatRequest, ChatResponse, Mainstay, RetryPolicy, Tier, backoff::Exponential, check,
    fallback::queue::JsonlQueue, openai::Client,
};
use tokio::time::Instant;

pub use self::{chart::chart, day::Day, outcome::Outcome, table::table};
use crate::{
    Server,
    documents::{Document, Extraction},
    rules,
};

/// The model that is asked first, and the one below it.
pub const LARGE: &str = "gpt-4o";
/// The model that is asked when the large one has failed.
pub const SMALL: &str = "gpt-4o-mini";

/// What the days are drawn from: by this one, 94 % of the calls of a common day succeed.
pub const SEED: u64 = 10;

/// Sends every document through a day, so many at a time: by the bare client, then through the tiers, whose queue is `queue`.
///
/// # Errors
///
/// The provider is a mock and does not start, or the queue cannot be opened.
pub async fn run(day: &Day, documents: &[Document], at_once: usize, queue: &Path) -> Result<Outcome> {
    let mut outcome = Outcome::new(day.name, documents.len());
    bare(day, &day.provider().await?, documents, at_once, &mut outcome).await?;

    let provider = day.provider().await?;
    let queue = JsonlQueue::open(queue)?;
    let before = queue.len();
    let began = Instant::now();
    let [large, _] = &day.models;
    through_tiers(&tiers(day, &provider, queue.clone())?, large, documents, at_once, &mut outcome).await;
    outcome.took = began.elapsed();
    outcome.calls = provider.calls().unwrap_or(outcome.calls);
    outcome.in_queue = queue.len() - before;
    Ok(outcome)
}

/// The stack of tiers.
fn tiers(day: &Day, provider: &Server, queue: JsonlQueue<ChatRequest>) -> Result<Mainstay> {
    let backoff = Exponential::new(Duration::from_millis(50), 2.0, Duration::from_secs(1))?;
    let [_, small] = &day.models;
    let mainstay = Mainstay::builder()
        .client(|client| provider.client(client))
        .deadline(day.deadline)
        .attempt_timeout(day.attempt)
        .max_wait(day.max_wait)
        .retry(RetryPolicy::default().retries(2).max_wait(day.max_wait).backoff(backoff))
        .check(check::json)
        .tier(Tier::model(small.as_str()))
        .tier(Tier::rules("parser", by_rules))
        .tier(Tier::queue("people", queue).accepts(|_| true))
        .build()?;
    Ok(mainstay)
}

/// Reads the document in a request by rules.
fn by_rules(request: &ChatRequest) -> Result<ChatResponse, mainstay::Error> {
    let document = request.messages.last().map(|message| message.text().into_owned()).unwrap_or_default();
    let read = rules::extract(&document)?;
    let text = serde_json::to_string(&read).map_err(|error| mainstay::Error::Tier(error.into()))?;
    Ok(ChatResponse::from_text("parser", text))
}

async fn bare(
    day: &Day,
    provider: &Server,
    documents: &[Document],
    at_once: usize,
    outcome: &mut Outcome,
) -> Result<()> {
    let client = Arc::new(provider.client(Client::builder()).timeout(day.attempt).build()?);
    let [large, _] = &day.models;
    let calls = documents.iter().map(|document| client.chat(document.request(large)));
    let mut calls = stream::iter(calls).buffer_unordered(at_once);
    while let Some(answer) = calls.next().await {
        let read = answer.ok().and_then(|response| Extraction::read(&response).ok());
        outcome.bare += usize::from(read.is_some());
    }
    Ok(())
}

async fn through_tiers(
    mainstay: &Mainstay,
    model: &str,
    documents: &[Document],
    at_once: usize,
    outcome: &mut Outcome,
) {
    let calls = documents.iter().map(|document| async {
        let sent = Instant::now();
        (mainstay.chat(document.request(model)).await, sent.elapsed())
    });
    let mut calls = stream::iter(calls).buffer_unordered(at_once);
    while let Some((reply, latency)) = calls.next().await {
        outcome.note(reply.as_ref(), latency);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may fail loudly")]
mod tests {
    use super::*;
    use crate::documents;

    #[tokio::test]
    async fn nothing_is_lost_on_any_day() {
        let documents = documents::bundled(254).unwrap();
        let folder = tempfile::tempdir().unwrap();
        for day in Day::all(SEED).into_iter().take(3) {
            let queue = folder.path().join(day.name);
            let outcome = run(&day, &documents, 16, &queue).await.unwrap();
            assert_eq!(outcome.shortfall(), None, "{outcome:?}");
        }
    }

    #[test]
    fn a_chart_is_drawn_of_any_outcome() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chart.svg");
        chart(&[Outcome::default(), Outcome::new("a day", 7)], &path).unwrap();
        assert!(std::fs::read_to_string(path).unwrap().contains("bare client"));
    }
}
