//! One model as it runs: its plan, its limits, its place in its sequence.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    answer::Usage,
    chance::{Chance, Purpose, hash},
    fault::{Dialect, FaultSpec},
    limits::{Denial, Limits},
    plan::{ModelPlan, Turn},
    refusal::{Overlong, Refusal},
};

/// One model as it runs.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) name: String,
    pub(crate) plan: ModelPlan,
    pub(crate) limits: Limits,
    hash: u64,
    turns: AtomicUsize,
    in_flight: AtomicU64,
}

/// The leave to make one call. Dropping it gives back the call's place, and all its tokens but those used.
#[derive(Debug)]
pub(crate) struct Ticket {
    model: Arc<Model>,
    taken: u64,
    used: u64,
    /// How much longer its answer takes, as others came before it.
    pub(crate) delay: Duration,
}

// === impl Model ===

impl Model {
    pub(crate) fn new(name: &str, plan: ModelPlan, now: Instant) -> Self {
        let limits = Limits::new(&plan, now);
        let name = name.to_owned();
        let hash = hash(name.as_bytes());
        Self { name, plan, limits, hash, turns: AtomicUsize::new(0), in_flight: AtomicU64::new(0) }
    }

    /// Lets a call in, or says why not.
    pub(crate) fn admit(
        self: &Arc<Self>,
        prompt: u64,
        max_tokens: u64,
        now: Instant,
    ) -> Result<Ticket, Refusal> {
        let tokens = prompt.saturating_add(max_tokens);
        if let Some(window) = self.plan.context_window.filter(|window| tokens > *window) {
            return Err(Refusal::context_length(Dialect::Openai, Overlong { window, prompt, max_tokens }));
        }
        let in_flight = self.in_flight.fetch_add(1, Ordering::AcqRel);
        // From here on the place is given back by dropping the ticket.
        let mut ticket = Ticket { model: Arc::clone(self), taken: 0, used: 0, delay: self.delay(in_flight) };
        if self.plan.max_concurrent.is_some_and(|most| in_flight >= most) {
            return Err(Refusal::overloaded());
        }
        self.limits.take(tokens, now).map_err(|denial| self.denied(denial, now))?;
        ticket.taken = tokens;
        Ok(ticket)
    }

    fn delay(&self, in_flight: u64) -> Duration {
        self.plan.slow_above.filter(|slow| in_flight >= slow.calls).map_or(Duration::ZERO, |slow| slow.by)
    }

    /// The fault that befalls the next call: by an outage, else by the sequence, else by chance.
    pub(crate) fn fault(&self, elapsed: Duration, chance: Chance) -> Option<&FaultSpec> {
        if let Some(outage) = self.plan.outages.iter().find(|outage| outage.covers(elapsed)) {
            return Some(&outage.fault);
        }
        if self.turns.load(Ordering::Relaxed) < self.plan.sequence.len()
            && let Some(turn) = self.plan.sequence.get(self.turns.fetch_add(1, Ordering::Relaxed))
        {
            return match turn {
                Turn::Ok => None,
                Turn::Fault(fault) => Some(fault),
            };
        }
        self.plan.faults.draw(chance.to(Purpose::Fault))
    }

    /// The chance of one call for this model.
    pub(crate) fn chance(&self, seed: u64, fingerprint: u64, occurrence: u64) -> Chance {
        Chance::new(seed).of(self.hash).of(fingerprint).of(occurrence)
    }

    fn denied(&self, denial: Denial, now: Instant) -> Refusal {
        let Denial { kind, limit, used, asked, wait } = denial;
        let per_minute = if kind == "tokens" { "tokens per min (TPM)" } else { "requests per min (RPM)" };
        let message = match wait {
            Some(wait) => Refusal::limit_message(&self.name, per_minute, limit, used, asked, wait),
            None => format!(
                "Request too large for {} in organization org-mock on {per_minute}: Limit {limit}, Requested {asked}. The \
                 input or output tokens must be reduced in order to run successfully.",
                self.name
            ),
        };
        Refusal::rate_limited(kind, message, wait).with_headers(self.limits.headers(now))
    }
}

// === impl Ticket ===

impl Ticket {
    /// Says what the call really used, of the prompt and of what was handed over of its answer.
    pub(crate) fn used(&mut self, usage: Usage) {
        self.used = usage.total();
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.model.in_flight.fetch_sub(1, Ordering::AcqRel);
        if self.taken != self.used {
            self.model.limits.settle(self.taken, self.used, Instant::now());
        }
    }
}
