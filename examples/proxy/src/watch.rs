use std::sync::Arc;

use mainstay::{ChatRequest, FaultKind, Mainstay, Report};
use metrics::{Gauge, counter, gauge, histogram};
use tokio::time::Instant;

/// Counts one chat, once, however it ends: also if its caller goes away and it is dropped.
pub(crate) struct Watch {
    model: Arc<str>,
    began: Instant,
    in_flight: Gauge,
    ended: bool,
}

// === impl Watch ===

impl Watch {
    /// Begins to count. A model that has no route of its own is counted as `other`.
    pub(crate) fn begin(mainstay: &Mainstay, request: &ChatRequest) -> Self {
        let known = mainstay.models().contains(&request.model);
        let model = Arc::<str>::from(if known { request.model.as_str() } else { "other" });
        let in_flight = gauge!("proxy_calls_in_flight", "model" => Arc::clone(&model));
        in_flight.increment(1.0);
        Self { model, began: Instant::now(), in_flight, ended: false }
    }

    pub(crate) fn first_token(&self) {
        histogram!("proxy_first_token_seconds", "model" => self.model()).record(self.began.elapsed());
    }

    /// The chat was answered, or has failed.
    pub(crate) fn end(mut self, fault: Option<FaultKind>, report: &Report) {
        self.count(fault.map_or("ok", FaultKind::as_str), report);
    }

    /// The caller went away.
    pub(crate) fn left(mut self, report: &Report) {
        self.count(FaultKind::Cancelled.as_str(), report);
    }

    fn count(&mut self, outcome: &'static str, report: &Report) {
        self.ended = true;
        counter!("proxy_calls_total", "model" => self.model(), "outcome" => outcome).increment(1);
        histogram!("proxy_call_seconds", "model" => self.model()).record(self.began.elapsed());
        for attempt in &report.attempts {
            let outcome = attempt.fault.map_or("ok", |fault| fault.kind.as_str());
            counter!("proxy_attempts_total", "backend" => Arc::clone(&attempt.backend), "outcome" => outcome)
                .increment(1);
            for (kind, tokens) in [("input", attempt.input_tokens), ("output", attempt.output_tokens)] {
                counter!("proxy_tokens_total", "model" => self.model(), "kind" => kind)
                    .increment(tokens.unwrap_or(0));
            }
        }
        self.count_dollars(report);
        tracing::info!(
            model = &*self.model,
            outcome,
            backend = report.attempts.last().map(|attempt| &*attempt.backend),
            attempts = report.attempts.len(),
            replayed = report.replayed.is_some(),
            took = ?self.began.elapsed(),
            "chat"
        );
    }

    /// Counters count whole numbers: so dollars are a gauge that only grows.
    fn count_dollars(&self, report: &Report) {
        if let Some(dollars) = report.dollars() {
            gauge!("proxy_dollars", "model" => self.model()).increment(dollars);
        }
    }

    fn model(&self) -> Arc<str> {
        Arc::clone(&self.model)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.in_flight.decrement(1.0);
        if !self.ended {
            self.count(FaultKind::Cancelled.as_str(), &Report::default());
        }
    }
}
