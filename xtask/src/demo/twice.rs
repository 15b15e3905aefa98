//! Documents that are submitted three times each, at once, through a network that loses answers after the server gave them.

use std::time::Duration;

use anyhow::Result;
use comfy_table::{CellAlignment, Table, presets::UTF8_FULL_CONDENSED};
use futures::{StreamExt, stream};
use mainstay::{ChatRequest, Mainstay, RetryPolicy, backoff::Exponential, openai::Client};
use mainstay_examples::documents::Document;
use mainstay_mock_openai::{Latency, MockOpenAi, ModelPlan, Plan, Stats, WholeFault};

use super::storm;

/// How many documents, and how often each.
const DOCUMENTS: usize = 50;
const TIMES: usize = 3;
/// Of every hundred answers, so many are lost on their way.
const LOST: f64 = 0.1;

/// Shows how often the server ran what was asked. Returns what was not as it must be.
pub(crate) async fn show(documents: &[Document], seed: u64) -> Result<Option<String>> {
    let documents = documents.get(..DOCUMENTS).unwrap_or(documents);
    let asked = documents.len();
    println!(
        "{asked} documents, each submitted {TIMES} times at once, where a tenth of the answers are lost:\n"
    );
    let requests = |_| documents.iter().map(|document| document.request(storm::MODEL));
    let requests: Vec<ChatRequest> = (0..TIMES).flat_map(requests).collect();

    let mock = lossy(seed).await?;
    let client = Client::builder().base_url(mock.base_url()).build()?;
    let answered = stream::iter(requests.clone()).map(|request| client.chat(request)).buffer_unordered(64);
    let bare = (answered.filter(|answer| std::future::ready(answer.is_ok())).count().await, mock.stats());

    let mock = lossy(seed).await?;
    let backoff = Exponential::new(Duration::from_millis(20), 2.0, Duration::from_secs(1))?;
    let mainstay = Mainstay::builder()
        .base_url(mock.base_url())
        .retry(RetryPolicy::default().retries(8).backoff(backoff))
        .idempotency(Duration::from_secs(3_600), 10_000)
        .build()?;
    let answered = stream::iter(requests).map(|request| mainstay.chat(request)).buffer_unordered(64);
    let ours = (answered.filter(|answer| std::future::ready(answer.is_ok())).count().await, mock.stats());

    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(["", "bare client", "Mainstay"]);
    table.add_row(["submitted".to_owned(), (asked * TIMES).to_string(), (asked * TIMES).to_string()]);
    table.add_row(["answered".to_owned(), bare.0.to_string(), ours.0.to_string()]);
    table.add_row(["upstream calls".to_owned(), bare.1.calls.to_string(), ours.1.calls.to_string()]);
    let runs = |stats: &Stats| stats.begun.values().sum::<u64>();
    let lost = |stats: &Stats| runs(stats) - stats.executions.values().sum::<u64>();
    table.add_row(["runs of the model".to_owned(), runs(&bare.1).to_string(), runs(&ours.1).to_string()]);
    table.add_row([
        "  whose answer was lost".to_owned(),
        lost(&bare.1).to_string(),
        lost(&ours.1).to_string(),
    ]);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("{table}\n");
    Ok((ours.0 < asked * TIMES).then(|| "not every submission was answered".to_owned()))
}

/// A server whose answers get lost, though it gave them.
async fn lossy(seed: u64) -> Result<MockOpenAi> {
    let model = ModelPlan::new()
        .latency(Latency::Constant(Duration::from_millis(25)))
        .fault(WholeFault::ResetMidBody, LOST / 2.0)
        .fault(WholeFault::TruncatedJson, LOST / 2.0);
    Ok(MockOpenAi::builder().plan(Plan::new().seed(seed).model(storm::MODEL, model)).start().await?)
}
