//! What the server has seen and done.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What the server has seen and done since it started or its statistics were reset.
///
/// A *call* is a request for a model's work, chat or embeddings. It is counted when it arrives, under its outcome as soon
/// as that is certain, and as answered before the peer can have read the last byte of its answer. So whoever has an
/// answer can rely on the counts.
///
/// `GET /stats` answers the same as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Stats {
    /// Calls received. Each has one outcome, or is in flight and has none yet.
    pub calls: u64,
    /// Calls that are being answered now.
    pub in_flight: u64,
    /// The most calls that were being answered at once.
    pub peak_in_flight: u64,
    /// Calls by the model that they named; those refused before that was known are in none.
    pub by_model: BTreeMap<String, u64>,
    /// Calls by outcome: `ok`, the name of a fault, `client_gone` where the caller left before its answer's end,
    /// `deduplicated`, or the server's own refusals: `invalid_request`, `unauthorized`, `model_not_found`,
    /// `context_length`, `rate_limited`, `overloaded`, `too_large`, `key_in_use`.
    pub by_outcome: BTreeMap<String, u64>,
    /// Calls refused by the limits of the plan, not by a planned fault.
    pub limited: u64,
    /// The prompt tokens that are billed: those of all answers that were begun, also if they were lost on their way.
    pub prompt_tokens: u64,
    /// The completion tokens that are billed: all of an answer that is not streamed, once it is begun, and of a stream as many as were
    /// sent.
    pub completion_tokens: u64,
    /// By idempotency key, the calls received.
    pub received: BTreeMap<String, u64>,
    /// By idempotency key, the calls that the model began to answer, rightly or not: it has run, and is billed, whatever became of the answer.
    /// An answer has begun when its first byte is sent, in a stream with the role. Not begun are refusals, answers that are not the
    /// model's (a page of HTML, an error under 200, comments), those that never come, and those that a server with `dedupe` gives again.
    pub begun: BTreeMap<String, u64>,
    /// By idempotency key, the calls that fully executed: a right answer was generated and wholly sent.
    pub executions: BTreeMap<String, u64>,
    /// By a hash of the prompt (whatever the model, the settings and the headers), the calls received.
    pub by_prompt: BTreeMap<String, u64>,
    /// Connections accepted.
    pub connections: u64,
    /// Connections that are open now.
    pub open_connections: u64,
}

// === impl Stats ===

impl Stats {
    /// How many calls had this outcome.
    pub fn outcome(&self, name: &str) -> u64 {
        self.by_outcome.get(name).copied().unwrap_or(0)
    }

    /// How many calls were answered well.
    pub fn ok(&self) -> u64 {
        self.outcome("ok")
    }

    /// The most calls that any prompt caused.
    pub fn most_calls_for_a_prompt(&self) -> u64 {
        self.by_prompt.values().copied().max().unwrap_or(0)
    }

    /// How often the model began to answer under any one idempotency key, at most: 1 where nothing ran twice.
    pub fn most_begun_of_a_key(&self) -> u64 {
        self.begun.values().copied().max().unwrap_or(0)
    }

    /// The most executions that any idempotency key had: 1 where no right answer was given twice.
    pub fn most_executions_of_a_key(&self) -> u64 {
        self.executions.values().copied().max().unwrap_or(0)
    }
}
