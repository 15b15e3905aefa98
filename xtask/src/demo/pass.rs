//! One pass: every document through one service, and what came of it.

use std::{
    collections::BTreeMap,
    fmt::Display,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use futures::{StreamExt, stream};
use hdrhistogram::Histogram;
use indicatif::{ProgressBar, ProgressStyle};
use mainstay::{ChatRequest, ChatResponse, FaultKind, HasFault, backoff::RetryEvent};
use mainstay_examples::documents::{Document, Extraction};
use mainstay_mock_openai::MockOpenAi;
use tokio::time::Instant;
use tower::{Service, ServiceExt};

/// What came of every document.
pub(crate) struct Pass {
    pub(crate) name: &'static str,
    pub(crate) documents: u64,
    pub(crate) answers: Vec<(String, Extraction)>,
    pub(crate) failed: BTreeMap<FaultKind, u64>,
    pub(crate) calls: u64,
    pub(crate) tokens: Option<u64>,
    /// Calls that the server refused by its own limits.
    pub(crate) limited: Option<u64>,
    pub(crate) retries: u64,
    pub(crate) waited: Duration,
    pub(crate) latency: Histogram<u64>,
    pub(crate) took: Duration,
}

/// What the retries of a pass waited, in all.
#[derive(Default)]
pub(crate) struct Waits {
    retries: AtomicU64,
    micros: AtomicU64,
}

/// The share of documents that Mainstay must get answered.
const BAR: f64 = 0.997;

/// The longest latency that is told from longer ones.
const HOUR_IN_MICROS: u64 = 3_600_000_000;

// === impl Pass ===

impl Pass {
    /// Sends every document, so many at a time.
    pub(crate) async fn run<S>(
        name: &'static str,
        service: S,
        model: &str,
        documents: &[Document],
        concurrency: u64,
    ) -> Self
    where
        S: Service<ChatRequest, Response: Into<ChatResponse>, Error: HasFault + Display> + Clone,
    {
        let bar = bar(name, documents.len() as u64);
        let mut pass = Self::new(name, documents.len() as u64);
        let started = Instant::now();
        let calls = documents.iter().map(|document| {
            let call = service.clone().oneshot(document.request(model));
            async move {
                let sent = Instant::now();
                (document, call.await.map(Into::into), sent.elapsed())
            }
        });
        let mut calls =
            stream::iter(calls).buffer_unordered(usize::try_from(concurrency).unwrap_or(usize::MAX));
        while let Some((document, outcome, latency)) = calls.next().await {
            pass.note(document, outcome, latency);
            bar.inc(1);
        }
        pass.took = started.elapsed();
        bar.finish_and_clear();
        pass
    }

    fn new(name: &'static str, documents: u64) -> Self {
        let latency = Histogram::new_with_bounds(1, HOUR_IN_MICROS, 3)
            .expect("an hour and three digits are valid bounds");
        Self {
            name,
            documents,
            answers: Vec::new(),
            failed: BTreeMap::new(),
            calls: documents,
            tokens: None,
            limited: None,
            retries: 0,
            waited: Duration::ZERO,
            latency,
            took: Duration::ZERO,
        }
    }

    fn note<E: HasFault>(
        &mut self,
        document: &Document,
        outcome: Result<ChatResponse, E>,
        latency: Duration,
    ) {
        self.latency.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
        let read = match outcome {
            Ok(response) => Extraction::read(&response).map_err(|rejected| rejected.fault().kind),
            Err(error) => Err(error.fault().kind),
        };
        match read {
            Ok(extraction) => self.answers.push((document.id.clone(), extraction)),
            Err(kind) => *self.failed.entry(kind).or_default() += 1,
        }
    }

    /// Takes over what the server itself has counted, if it is ours.
    pub(crate) fn seen_by(mut self, mock: Option<&MockOpenAi>) -> Self {
        if let Some(stats) = mock.map(MockOpenAi::stats) {
            self.calls = stats.calls;
            self.tokens = Some(stats.prompt_tokens + stats.completion_tokens);
            self.limited = Some(stats.limited);
        }
        self
    }

    /// Takes over what the retries waited. A server that is not ours saw a call more for each of them.
    pub(crate) fn waited(mut self, waits: &Waits) -> Self {
        self.retries = waits.retries.load(Relaxed);
        self.waited = Duration::from_micros(waits.micros.load(Relaxed));
        self.calls = self.calls.max(self.documents + self.retries);
        self
    }

    /// What is not as it must be, in words.
    pub(crate) fn shortfall(&self) -> Option<String> {
        let (answered, bar) = (self.answered_share() * 100.0, BAR * 100.0);
        (answered < bar).then(|| format!("{} answered {answered:.1} %: below {bar:.1} %", self.name))
    }

    /// The share of documents that were answered, from 0 to 1.
    pub(crate) fn answered_share(&self) -> f64 {
        self.answers.len() as f64 / self.documents as f64
    }
}

// === impl Waits ===

impl Waits {
    /// Takes a retry into account.
    pub(crate) fn note(&self, event: &RetryEvent) {
        self.retries.fetch_add(1, Relaxed);
        self.micros.fetch_add(u64::try_from(event.delay.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }
}

fn bar(name: &'static str, length: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix:<12} [{bar:40}] {pos}/{len} documents, {elapsed}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ");
    ProgressBar::new(length).with_style(style).with_prefix(name)
}
