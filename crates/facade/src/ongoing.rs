use std::{fmt, sync::Arc, time::Duration};

use mainstay_fault::{Fault, FaultKind, Journal};
use mainstay_openai_client::{ChatChunk, FinishReason};
use tokio::time::Instant;
use tracing::{Span, field::Empty};

#[cfg(feature = "metrics")]
use crate::metrics::Counted;
use crate::{Asks, Report, labels::Labels, served::ServedBy};

/// A call under way: its journal, its span, and what is counted of it. Dropped before its end, it was cancelled.
///
/// The span is `call`, of level `INFO` and the target `mainstay::ongoing`, with the names of OpenTelemetry's
/// [GenAI conventions](https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/), and its name and kind for
/// `tracing-opentelemetry`; its attempts are spans `attempt` within it. Neither has anything of what is asked or answered.
#[derive(Debug)]
pub struct Ongoing {
    journal: Journal,
    began: Instant,
    span: Span,
    /// Why the answers of a stream have ended, if anybody wants to know.
    reasons: Vec<FinishReason>,
    /// Whether the answer has said who it is.
    has_said: bool,
    #[cfg(feature = "metrics")]
    counted: Counted,
    /// What of a stream is known at its first token: the tier that gave it, and its age if it was played again.
    served_by: Option<ServedBy>,
    replayed: Option<Duration>,
    is_over: bool,
}

/// Why answers have ended, as a list.
struct Reasons<I>(I);

// === impl Ongoing ===

impl Ongoing {
    #[cfg_attr(
        not(feature = "metrics"),
        allow(unused_variables, reason = "only what is counted is labelled")
    )]
    pub(crate) fn begin<Request: Asks>(
        request: &Request,
        journal: Journal,
        labels: &Labels,
        streams: bool,
    ) -> Self {
        Self {
            journal,
            began: Instant::now(),
            span: span(request, streams),
            reasons: Vec::new(),
            has_said: false,
            #[cfg(feature = "metrics")]
            counted: Counted::begin(Request::OPERATION, labels.of_model(request.model())),
            served_by: None,
            replayed: None,
            is_over: false,
        }
    }

    pub(crate) const fn span(&self) -> &Span {
        &self.span
    }

    /// What happened so far.
    pub(crate) fn report(&self) -> Report {
        let mut report = Report::read(&self.journal, self.began);
        if let Some((tier, degraded)) = &self.served_by {
            (report.tier, report.degraded) = (Some(Arc::clone(tier)), *degraded);
        }
        report.replayed = self.replayed;
        report
    }

    /// Notes which tier streams the answer.
    pub(crate) fn served_by(&mut self, served_by: Option<ServedBy>) {
        self.served_by = served_by;
    }

    /// Notes how old the stream is that is played again, if it is.
    pub(crate) const fn replayed(&mut self, age: Option<Duration>) {
        self.replayed = age;
    }

    /// Notes the first token of a stream.
    pub(crate) fn first_token(&self) {
        let waited = self.began.elapsed();
        self.span.record("gen_ai.response.time_to_first_chunk", waited.as_secs_f64());
        #[cfg(feature = "metrics")]
        self.counted.first_token(waited, &self.journal);
    }

    /// Notes whose answer it is, as the answer says.
    pub(crate) fn said(&self, id: &str, model: &str) {
        for (name, value) in [("gen_ai.response.id", id), ("gen_ai.response.model", model)] {
            if !value.is_empty() {
                self.span.record(name, value);
            }
        }
    }

    /// Notes why the answers have ended.
    pub(crate) fn finished<'a>(&self, reasons: impl Iterator<Item = &'a FinishReason> + Clone) {
        if !self.span.is_disabled() && reasons.clone().next().is_some() {
            self.span.record("gen_ai.response.finish_reasons", tracing::field::debug(Reasons(reasons)));
        }
    }

    /// Notes what a piece of a stream says of the answer.
    pub(crate) fn note(&mut self, chunk: &ChatChunk) {
        if self.span.is_disabled() {
            return;
        }
        if !self.has_said {
            self.said(&chunk.id, &chunk.model);
            self.has_said = !chunk.id.is_empty() || !chunk.model.is_empty();
        }
        self.reasons.extend(chunk.choices.iter().filter_map(|choice| choice.ended().cloned()));
    }

    /// Notes how it ended. The first end counts.
    pub(crate) fn end(&mut self, report: &Report, fault: Option<Fault>) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        #[cfg(feature = "metrics")]
        self.counted.end(report, fault);
        if !self.span.is_disabled() {
            self.finished(self.reasons.iter());
            record(&self.span, report, fault);
        }
    }

    /// The same, where there is no report unless somebody looks.
    pub(crate) fn end_unread(&mut self, fault: Option<Fault>) {
        if self.is_over || (self.span.is_disabled() && !cfg!(feature = "metrics")) {
            return;
        }
        let report = self.report();
        self.end(&report, fault);
    }
}

impl Drop for Ongoing {
    fn drop(&mut self) {
        self.end_unread(Some(FaultKind::Cancelled.into()));
    }
}

fn span<Request: Asks>(request: &Request, streams: bool) -> Span {
    tracing::info_span!(
        "call",
        otel.name = %format_args!("{} {}", Request::OPERATION, request.model()),
        otel.kind = "client",
        otel.status_code = Empty,
        gen_ai.operation.name = Request::OPERATION,
        gen_ai.provider.name = Empty,
        gen_ai.request.model = request.model(),
        gen_ai.request.stream = streams.then_some(true),
        gen_ai.response.id = Empty,
        gen_ai.response.model = Empty,
        gen_ai.response.finish_reasons = Empty,
        gen_ai.response.time_to_first_chunk = Empty,
        gen_ai.usage.input_tokens = Empty,
        gen_ai.usage.output_tokens = Empty,
        error.r#type = Empty,
        mainstay.attempts = Empty,
        mainstay.backend = Empty,
        mainstay.tier = Empty,
        mainstay.dollars = Empty,
        mainstay.replayed = Empty,
    )
}

fn record(span: &Span, report: &Report, fault: Option<Fault>) {
    // What no backend has said is not recorded as 0.
    let sum = |tokens: fn(&crate::AttemptReport) -> Option<u64>| -> Option<u64> {
        report.attempts.iter().filter_map(tokens).reduce(u64::saturating_add)
    };
    span.record("mainstay.attempts", report.attempts.len());
    span.record("gen_ai.usage.input_tokens", sum(|attempt| attempt.input_tokens));
    span.record("gen_ai.usage.output_tokens", sum(|attempt| attempt.output_tokens));
    span.record("mainstay.replayed", report.replayed.is_some());
    if let Some(last) = report.attempts.last() {
        span.record("mainstay.backend", &*last.backend);
        span.record("gen_ai.provider.name", last.provider);
    }
    if let Some(tier) = &report.tier {
        span.record("mainstay.tier", &**tier);
    }
    if let Some(dollars) = report.dollars() {
        span.record("mainstay.dollars", dollars);
    }
    if let Some(fault) = fault {
        span.record("error.type", fault.kind.as_str()).record("otel.status_code", "ERROR");
    }
}

// === impl Reasons ===

impl<'a, I: Iterator<Item = &'a FinishReason> + Clone> fmt::Debug for Reasons<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.clone().map(FinishReason::as_str)).finish()
    }
}
