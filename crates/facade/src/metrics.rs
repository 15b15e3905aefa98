//! What is counted of calls, through the facade of the crate [`metrics`](https://docs.rs/metrics): whatever recorder the program
//! installs gets it. Without one, next to nothing is done.
//!
//! Where OpenTelemetry's [conventions](https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/) have a metric, it has their
//! name, unit and attributes; all else is `mainstay.*`.
//!
//! | metric | kind, unit | labels | what it counts |
//! |---|---|---|---|
//! | `gen_ai.client.operation.duration` | histogram, s | GenAI's, `error.type` | how long calls took, with all their attempts and waits |
//! | `gen_ai.client.operation.time_to_first_chunk` | histogram, s | GenAI's | how long streams took to their first token |
//! | `gen_ai.client.token.usage` | histogram, tokens | GenAI's, `gen_ai.token.type` (`input`, `output`), `backend` | tokens of each attempt, as the backends say |
//! | `mainstay.calls` | counter | `model`, `operation`, `outcome` | calls, when they end |
//! | `mainstay.calls.in_flight` | gauge | `model`, `operation` | calls under way, streams until their end |
//! | `mainstay.call.waited` | histogram, s | `model` | how long calls waited before their attempts (sleeps, lines for limits), in all |
//! | `mainstay.attempts` | counter | `backend`, `outcome` | attempts |
//! | `mainstay.attempt.duration` | histogram, s | `backend` | how long the backends took, of attempts that were sent |
//! | `mainstay.dollars` | gauge that only grows, US dollars | `backend` | what the attempts cost, where the price is known |
//! | `mainstay.tiers` | counter | `tier`, `degraded` | whole answers, by the tier that gave them |
//! | `mainstay.replays` | counter | `model` | answers that were given before |
//!
//! How things stand is told by [`sample()`], to be called before the metrics are read; what is no more, as after a reload, is NaN:
//!
//! | metric | kind, unit | labels | what it counts |
//! |---|---|---|---|
//! | `mainstay.backend.up` | gauge, 0 or 1 | `route`, `tier`, `backend`, `operation` | whether its breaker is closed, and no server's word on money, keys or models sets it aside |
//! | `mainstay.backend.in_flight` | gauge | the same | calls that it has, on all routes, chats and streams together: not to be summed |
//! | `mainstay.backend.failure_ratio` | gauge, 0 to 1 | the same | the share of calls that failed of late |
//! | `mainstay.limit.available` | gauge | `backend`, `unit` (`requests`, `tokens`, `calls`) | what is left of a limit; what is owed is negative |
//! | `mainstay.limit.queue` | gauge | `backend` | calls that wait for a limit |
//! | `mainstay.limit.wait` | gauge, s | `backend` | how long the smallest call would wait now, as after a Retry-After; none while all that may be under way are |
//! | `mainstay.budget.spent` | gauge, US dollars | `route` (empty: all) | what was spent of a budget in its window |
//! | `mainstay.budget.dollars` | gauge, US dollars | the same | what there is in a budget's window |
//!
//! GenAI's labels are `gen_ai.operation.name` (`chat`, `embeddings`), `gen_ai.request.model`, and `gen_ai.provider.name`: whose service the
//! backend is that was asked last, by its host, and `openai` where that is not known; none where no backend was asked. What a
//! server calls the model that answered is in the span, and no label: a server may say anything.
//!
//! `model` is the one that the caller names, or `other` if it has no route of its own, so that callers cannot make up series; `backend` is as in
//! [`Report`]. `operation` is `chat` or `embeddings`, and `chat_stream` apart for backends. `outcome` is `answered`, or the fault's kind, as
//! `error.type` is: `rate_limited`, `timeout`, `cancelled` and so on. Nothing of what is asked or answered is in any of them.
//!
//! # Exporters
//!
//! `examples/proxy` (package `mainstay-proxy`) serves all of it to Prometheus, by `metrics-exporter-prometheus`, with the buckets that the
//! conventions ask for: [`SECONDS`] and [`TOKENS`].

mod sample;

use std::{sync::Arc, time::Duration};

use mainstay_fault::{Fault, Journal};
use metrics::{
    Label, SharedString, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

pub(crate) use self::sample::Sampled;
pub use self::sample::sample;
use crate::{AttemptReport, Report};

/// The bounds of the buckets, in seconds, that the conventions ask for where durations are exported as buckets.
pub const SECONDS: [f64; 14] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];

/// The bounds of the buckets that they ask for where tokens are: the powers of 4.
pub const TOKENS: [f64; 14] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];

/// Tells the recorder what each metric is: to be called once, after it was installed.
pub fn describe() {
    use metrics::Unit::{Count, Seconds};
    describe_counter!("mainstay.calls", Count, "Calls, when they end.");
    describe_gauge!("mainstay.calls.in_flight", Count, "Calls under way, streams until their end.");
    describe_histogram!("gen_ai.client.operation.duration", Seconds, "How long calls took.");
    describe_histogram!(
        "gen_ai.client.operation.time_to_first_chunk",
        Seconds,
        "How long streams took to their first token."
    );
    describe_histogram!("mainstay.call.waited", Seconds, "How long calls waited before their attempts.");
    describe_counter!("mainstay.attempts", Count, "Attempts.");
    describe_histogram!("mainstay.attempt.duration", Seconds, "How long attempts took.");
    describe_histogram!("gen_ai.client.token.usage", Count, "Tokens of each attempt, as the backends say.");
    describe_gauge!("mainstay.dollars", "What the attempts cost in US dollars.");
    describe_counter!("mainstay.tiers", Count, "Whole answers, by the tier that gave them.");
    describe_counter!("mainstay.replays", Count, "Answers that were given before.");
    describe_gauge!("mainstay.backend.up", "Whether a backend takes calls.");
    describe_gauge!("mainstay.backend.in_flight", Count, "Calls that a backend has.");
    describe_gauge!("mainstay.backend.failure_ratio", "The share of calls that failed of late.");
    describe_gauge!("mainstay.limit.available", "What is left of a limit; what is owed is negative.");
    describe_gauge!("mainstay.limit.queue", Count, "Calls that wait for a limit.");
    describe_gauge!("mainstay.limit.wait", Seconds, "How long the smallest call would wait for a limit now.");
    describe_gauge!("mainstay.budget.spent", "What was spent of a budget in its window, in US dollars.");
    describe_gauge!("mainstay.budget.dollars", "What there is in a budget's window, in US dollars.");
}

/// A call that is being counted.
#[derive(Debug)]
pub(crate) struct Counted {
    operation: &'static str,
    model: SharedString,
}

// === impl Counted ===

impl Counted {
    pub(crate) fn begin(operation: &'static str, model: &str) -> Self {
        let counted = Self { operation, model: SharedString::from(Arc::<str>::from(model)) };
        counted.in_flight().increment(1.0);
        counted
    }

    /// A stream's first token has come after so long. A recorded one has no attempt, and nobody waited for it.
    pub(crate) fn first_token(&self, waited: Duration, journal: &Journal) {
        if let Some(provider) = journal.map(|attempt| attempt.provider).last() {
            let labels = self.labels(*provider);
            histogram!("gen_ai.client.operation.time_to_first_chunk", labels.iter()).record(waited);
        }
    }

    pub(crate) fn end(&self, report: &Report, fault: Option<Fault>) {
        self.in_flight().decrement(1.0);
        self.count_duration(report, fault);
        let (model, outcome) = (&self.model, outcome(fault));
        counter!("mainstay.calls", "model" => model.clone(), "operation" => self.operation, "outcome" => outcome)
            .increment(1);
        histogram!("mainstay.call.waited", "model" => model.clone()).record(report.waited());
        if report.replayed.is_some() {
            counter!("mainstay.replays", "model" => model.clone()).increment(1);
        }
        if let (Some(tier), None) = (&report.tier, fault) {
            let (tier, degraded) = (SharedString::from(Arc::clone(tier)), report.degraded.as_str());
            counter!("mainstay.tiers", "tier" => tier, "degraded" => degraded).increment(1);
        }
        report.attempts.iter().for_each(|attempt| self.count(attempt));
    }

    fn count_duration(&self, report: &Report, fault: Option<Fault>) {
        let mut labels = self.labels(report.attempts.last().and_then(|attempt| attempt.provider));
        labels.extend(fault.map(|fault| Label::from_static_parts("error.type", fault.kind.as_str())));
        histogram!("gen_ai.client.operation.duration", labels.iter()).record(report.took);
    }

    fn count(&self, attempt: &AttemptReport) {
        let backend = SharedString::from(Arc::clone(&attempt.backend));
        let outcome = outcome(attempt.fault);
        counter!("mainstay.attempts", "backend" => backend.clone(), "outcome" => outcome).increment(1);
        if !attempt.is_unsent {
            histogram!("mainstay.attempt.duration", "backend" => backend.clone()).record(attempt.took);
        }
        for (kind, tokens) in [("input", attempt.input_tokens), ("output", attempt.output_tokens)] {
            // Embeddings have no output, and not an output of no tokens.
            let Some(tokens) = tokens.filter(|_| kind == "input" || self.operation == "chat") else {
                continue;
            };
            let mut labels = self.labels(attempt.provider);
            labels.push(Label::from_static_parts("gen_ai.token.type", kind));
            labels.push(Label::new("backend", backend.clone()));
            histogram!("gen_ai.client.token.usage", labels.iter()).record(tokens as f64);
        }
        if let Some(dollars) = attempt.dollars {
            gauge!("mainstay.dollars", "backend" => backend).increment(dollars);
        }
    }

    fn in_flight(&self) -> metrics::Gauge {
        gauge!("mainstay.calls.in_flight", "model" => self.model.clone(), "operation" => self.operation)
    }

    /// The attributes that the conventions ask for of any metric.
    fn labels(&self, provider: Option<&'static str>) -> Vec<Label> {
        let mut labels = vec![
            Label::from_static_parts("gen_ai.operation.name", self.operation),
            Label::new("gen_ai.request.model", self.model.clone()),
        ];
        labels.extend(provider.map(|provider| Label::from_static_parts("gen_ai.provider.name", provider)));
        labels
    }
}

fn outcome(fault: Option<Fault>) -> &'static str {
    fault.map_or("answered", |fault| fault.kind.as_str())
}
