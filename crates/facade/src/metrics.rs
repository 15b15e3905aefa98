//! What is counted of calls, through the facade of the crate [`metrics`](https://docs.rs/metrics): whatever recorder the program
//! installs gets it. Without one, next to nothing is done.
//!
//! | metric | kind, unit | labels | what it counts |
//! |---|---|---|---|
//! | `mainstay.calls` | counter | `model`, `outcome` | calls, when they end |
//! | `mainstay.calls.in_flight` | gauge | `model` | calls under way, streams until their end |
//! | `gen_ai.client.operation.duration` | histogram, s | `model`, `outcome` | how long calls took |
//! | `mainstay.call.waited` | histogram, s | `model` | how long calls waited between attempts, in all |
//! | `mainstay.attempts` | counter | `backend`, `outcome` | attempts |
//! | `mainstay.attempt.duration` | histogram, s | `backend` | how long attempts took |
//! | `gen_ai.client.token.usage` | counter, tokens | `backend`, `type` (`input`, `output`) | tokens, as the backends say |
//! | `mainstay.dollars` | gauge that only grows, US dollars | `backend` | what the attempts cost, where the price is known |
//! | `mainstay.tiers` | counter | `tier`, `degraded` | answers, by the tier that gave them |
//! | `mainstay.replays` | counter | `model` | answers that were given before |
//!
//! How things stand is told by [`sample`], to be called before the metrics are read:
//!
//! | metric | kind, unit | labels | what it counts |
//! |---|---|---|---|
//! | `mainstay.backend.up` | gauge, 0 or 1 | `route`, `tier`, `backend`, `operation` | whether its breaker is closed, and no server's word sets it aside |
//! | `mainstay.backend.in_flight` | gauge | the same | calls that it has, on all routes, chats and streams together: not to be summed |
//! | `mainstay.backend.failure_ratio` | gauge, 0 to 1 | the same | the share of calls that failed of late |
//! | `mainstay.limit.available` | gauge | `backend`, `unit` (`requests`, `tokens`, `calls`) | what is left of a limit; what is owed is negative |
//! | `mainstay.limit.queue` | gauge | `backend` | calls that wait for a limit |
//! | `mainstay.budget.spent`, `mainstay.budget.dollars` | gauges, US dollars | `route` (empty: all) | what was spent of a budget in its window, and what there is |
//!
//! `model` is the one that the caller names, `backend` as in [`Report`]. `outcome` is `answered`, or the fault's kind:
//! `rate_limited`, `timeout`, `cancelled` and so on. Nothing of what is asked or answered is in any of them.

use mainstay_fault::Fault;
use metrics::{
    Label, SharedString, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

use crate::{AttemptReport, BackendStatus, BudgetStatus, LimitStatus, Report, Status};

/// Tells the recorder what each metric is: to be called once, after it was installed.
pub fn describe() {
    use metrics::Unit::{Count, Seconds};
    describe_counter!("mainstay.calls", Count, "Calls, when they end.");
    describe_gauge!("mainstay.calls.in_flight", Count, "Calls under way, streams until their end.");
    describe_histogram!("gen_ai.client.operation.duration", Seconds, "How long calls took.");
    describe_histogram!("mainstay.call.waited", Seconds, "How long calls waited between attempts.");
    describe_counter!("mainstay.attempts", Count, "Attempts.");
    describe_histogram!("mainstay.attempt.duration", Seconds, "How long attempts took.");
    describe_counter!("gen_ai.client.token.usage", Count, "Tokens, as the backends say.");
    describe_gauge!("mainstay.dollars", "What the attempts cost in US dollars.");
    describe_counter!("mainstay.tiers", Count, "Answers, by the tier that gave them.");
    describe_counter!("mainstay.replays", Count, "Answers that were given before.");
    describe_gauge!("mainstay.backend.up", "Whether a backend takes calls.");
    describe_gauge!("mainstay.backend.in_flight", Count, "Calls that a backend has.");
    describe_gauge!("mainstay.backend.failure_ratio", "The share of calls that failed of late.");
    describe_gauge!("mainstay.limit.available", "What is left of a limit; what is owed is negative.");
    describe_gauge!("mainstay.limit.queue", Count, "Calls that wait for a limit.");
    describe_gauge!("mainstay.budget.spent", "What was spent of a budget in its window, in US dollars.");
    describe_gauge!("mainstay.budget.dollars", "What there is in a budget's window, in US dollars.");
}

/// Tells the recorder how things stand: to be called before the metrics are read, such as by who answers a scrape.
///
/// ```
/// # fn example(mainstay: &mainstay::Mainstay) {
/// mainstay::metrics::sample(&mainstay.status());
/// # }
/// ```
pub fn sample(status: &Status) {
    status.backends.iter().for_each(sample_backend);
    status.limits.iter().for_each(sample_limit);
    for BudgetStatus { route, spent, dollars, .. } in &status.budgets {
        let route = SharedString::from(route.clone().unwrap_or_default());
        gauge!("mainstay.budget.spent", "route" => route.clone()).set(*spent);
        gauge!("mainstay.budget.dollars", "route" => route).set(*dollars);
    }
}

fn sample_backend(status: &BackendStatus) {
    let BackendStatus { route, tier, operation, backend, .. } = status;
    let labels = [
        Label::new("route", route.clone()),
        Label::new("tier", tier.clone()),
        Label::new("backend", backend.clone()),
        Label::from_static_parts("operation", operation),
    ];
    let set = |name: &'static str, value: f64| gauge!(name, labels.iter()).set(value);
    set("mainstay.backend.up", f64::from(u8::from(status.is_up())));
    set("mainstay.backend.in_flight", status.in_flight.into());
    set("mainstay.backend.failure_ratio", status.failure_ratio);
}

fn sample_limit(status: &LimitStatus) {
    let LimitStatus { backend, requests, tokens, in_flight, waiting } = status;
    for (unit, left) in [("requests", requests), ("tokens", tokens), ("calls", in_flight)] {
        if let Some(left) = left {
            gauge!("mainstay.limit.available", "backend" => backend.clone(), "unit" => unit)
                .set(*left as f64);
        }
    }
    gauge!("mainstay.limit.queue", "backend" => backend.clone()).set(*waiting as f64);
}

/// A call that is being counted.
#[derive(Debug)]
pub(crate) struct Counted {
    model: SharedString,
}

// === impl Counted ===

impl Counted {
    pub(crate) fn begin(model: &str) -> Self {
        let model = SharedString::from(model.to_owned());
        gauge!("mainstay.calls.in_flight", "model" => model.clone()).increment(1.0);
        Self { model }
    }

    pub(crate) fn end(&self, report: &Report, fault: Option<Fault>) {
        let (model, outcome) = (&self.model, outcome(fault));
        gauge!("mainstay.calls.in_flight", "model" => model.clone()).decrement(1.0);
        counter!("mainstay.calls", "model" => model.clone(), "outcome" => outcome).increment(1);
        histogram!("gen_ai.client.operation.duration", "model" => model.clone(), "outcome" => outcome)
            .record(report.took);
        histogram!("mainstay.call.waited", "model" => model.clone()).record(report.waited());
        if report.replayed.is_some() {
            counter!("mainstay.replays", "model" => model.clone()).increment(1);
        }
        if let Some(tier) = &report.tier {
            let degraded = report.degraded.as_str();
            counter!("mainstay.tiers", "tier" => tier.to_string(), "degraded" => degraded).increment(1);
        }
        report.attempts.iter().for_each(count);
    }
}

fn count(attempt: &AttemptReport) {
    let backend = SharedString::from(attempt.backend.to_string());
    let outcome = outcome(attempt.fault);
    counter!("mainstay.attempts", "backend" => backend.clone(), "outcome" => outcome).increment(1);
    histogram!("mainstay.attempt.duration", "backend" => backend.clone()).record(attempt.took);
    for (kind, tokens) in [("input", attempt.input_tokens), ("output", attempt.output_tokens)] {
        if let Some(tokens) = tokens {
            counter!("gen_ai.client.token.usage", "backend" => backend.clone(), "type" => kind)
                .increment(tokens);
        }
    }
    if let Some(dollars) = attempt.dollars {
        gauge!("mainstay.dollars", "backend" => backend).increment(dollars);
    }
}

fn outcome(fault: Option<Fault>) -> &'static str {
    fault.map_or("answered", |fault| fault.kind.as_str())
}
