use std::time::Duration;

use mainstay::{Degradation, Failure, Reply};

use super::day::{COMMON, OUTAGE};
use crate::documents::Extraction;

/// What became of a day's documents.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Outcome {
    /// What the day is called.
    pub day: &'static str,
    /// How many documents were sent.
    pub documents: usize,
    /// How many the bare client got read.
    pub bare: usize,
    /// How many the large model read at the first attempt.
    pub first: usize,
    /// How many it read at a later one.
    pub retried: usize,
    /// How many the small model read.
    pub small: usize,
    /// How many the parser read.
    pub parser: usize,
    /// How many were queued for people.
    pub queued: usize,
    /// How many were lost: neither read nor queued.
    pub lost: usize,
    /// How many entries the queue has got.
    pub in_queue: usize,
    /// The calls that the provider saw, through the tiers.
    pub calls: u64,
    /// What was paid in US dollars.
    pub dollars: f64,
    /// How long it took.
    pub took: Duration,
    latencies: Vec<Duration>,
}

// === impl Outcome ===

impl Outcome {
    pub(super) fn new(day: &'static str, documents: usize) -> Self {
        Self { day, documents, ..Self::default() }
    }

    /// Counts a call.
    pub(super) fn note(&mut self, reply: Result<&Reply, &Failure>, latency: Duration) {
        self.latencies.push(latency);
        let report = reply.map_or_else(Failure::report, |reply| &reply.report);
        self.calls += report.attempts.len() as u64;
        self.dollars += report.dollars().unwrap_or(0.0);
        let read = reply.is_ok_and(|reply| Extraction::read(reply).is_ok());
        let place = match (report.degraded, report.attempts.len()) {
            (Degradation::Queued, _) if reply.is_ok() => &mut self.queued,
            _ if !read => &mut self.lost,
            (Degradation::None, 1) => &mut self.first,
            (Degradation::None, _) => &mut self.retried,
            (Degradation::SmallerModel, _) => &mut self.small,
            _ => &mut self.parser,
        };
        *place += 1;
    }

    /// How many were read without people.
    pub const fn answered(&self) -> usize {
        self.first + self.retried + self.small + self.parser
    }

    /// The share of all documents, in percent.
    pub fn percent(&self, documents: usize) -> f64 {
        100.0 * documents as f64 / self.documents.max(1) as f64
    }

    /// Whether every document was read or is in the queue, each once.
    pub const fn nothing_lost(&self) -> bool {
        self.lost == 0 && self.answered() + self.queued == self.documents && self.queued == self.in_queue
    }

    /// How many calls the provider saw for each document.
    pub fn calls_each(&self) -> f64 {
        self.calls as f64 / self.documents.max(1) as f64
    }

    /// What is not as it must be on this day, in words.
    pub fn shortfall(&self) -> Option<String> {
        let common = self.day == COMMON && self.percent(self.answered()) < 99.9;
        let outage = self.day == OUTAGE && self.calls_each() > 1.2;
        let wrong = match () {
            () if !self.nothing_lost() => "documents were lost",
            () if common => "fewer than 99.9 % were answered without people",
            () if outage => "the provider saw more than 1.2 calls a document",
            () => return None,
        };
        Some(format!("{}: {wrong}", self.day))
    }

    /// The latency that this share of calls did not exceed.
    pub fn latency(&self, quantile: f64) -> Duration {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let at = quantile * (sorted.len().saturating_sub(1)) as f64;
        let rank = (0..sorted.len()).find(|rank| *rank as f64 >= at).unwrap_or(0);
        sorted.get(rank).copied().unwrap_or_default()
    }
}
