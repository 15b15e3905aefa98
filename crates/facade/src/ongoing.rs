use std::{sync::Arc, time::Duration};

use mainstay_fault::{Fault, FaultKind, Journal};
use tokio::time::Instant;
use tracing::{Span, field::Empty};

#[cfg(feature = "metrics")]
use crate::metrics::Counted;
use crate::{Asks, Report, served::ServedBy};

/// A call under way: its journal, its span, and what is counted of it. Dropped before its end, it was cancelled.
///
/// The span is `call`, of level `INFO`, with the names of OpenTelemetry's GenAI conventions; its attempts are spans `attempt`
/// within it. Neither has anything of what is asked or answered.
#[derive(Debug)]
pub struct Ongoing {
    journal: Journal,
    began: Instant,
    span: Span,
    #[cfg(feature = "metrics")]
    counted: Counted,
    /// What of a stream is known at its first token: the tier that gave it, and its age if it was played again.
    served_by: Option<ServedBy>,
    replayed: Option<Duration>,
    is_over: bool,
}

// === impl Ongoing ===

impl Ongoing {
    pub(crate) fn begin<Request: Asks>(request: &Request, journal: Journal) -> Self {
        let span = tracing::info_span!(
            "call",
            gen_ai.operation.name = Request::OPERATION,
            gen_ai.request.model = request.model(),
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty,
            error.r#type = Empty,
            mainstay.attempts = Empty,
            mainstay.tier = Empty,
            mainstay.dollars = Empty,
            mainstay.replayed = Empty,
        );
        Self {
            journal,
            began: Instant::now(),
            span,
            #[cfg(feature = "metrics")]
            counted: Counted::begin(request.model()),
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

    /// Notes how it ended. The first end counts.
    pub(crate) fn end(&mut self, report: &Report, fault: Option<Fault>) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        #[cfg(feature = "metrics")]
        self.counted.end(report, fault);
        if !self.span.is_disabled() {
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

fn record(span: &Span, report: &Report, fault: Option<Fault>) {
    let sum = |tokens: fn(&crate::AttemptReport) -> Option<u64>| -> u64 {
        report.attempts.iter().filter_map(tokens).sum()
    };
    span.record("mainstay.attempts", report.attempts.len());
    span.record("gen_ai.usage.input_tokens", sum(|attempt| attempt.input_tokens));
    span.record("gen_ai.usage.output_tokens", sum(|attempt| attempt.output_tokens));
    span.record("mainstay.replayed", report.replayed.is_some());
    if let Some(tier) = &report.tier {
        span.record("mainstay.tier", &**tier);
    }
    if let Some(dollars) = report.dollars() {
        span.record("mainstay.dollars", dollars);
    }
    if let Some(fault) = fault {
        span.record("error.type", fault.kind.as_str());
    }
}
