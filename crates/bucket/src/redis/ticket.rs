use std::{
    fmt,
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::time::Instant;

use super::{settlements::signed, shared::Shared};
use crate::{Limit, ServerLimits, settle::LONGEST_PAUSE};

/// How a call finds back to the limits that it was taken from. It outlives them: then there is nothing to settle.
#[derive(Clone)]
pub(crate) struct Ticket {
    shared: Weak<Shared>,
    /// Its name among the calls in flight.
    call: Option<Arc<str>>,
}

// === impl Ticket ===

impl Ticket {
    pub(super) fn new(shared: &Arc<Shared>, call: Option<Arc<str>>) -> Self {
        Self { shared: Arc::downgrade(shared), call }
    }

    pub(crate) fn learn(&self, server: &ServerLimits) {
        let Some(shared) = self.shared.upgrade() else { return };
        let least =
            |known: Option<u64>, new: Option<u64>| new.map(|new| known.map_or(new, |known| known.min(new)));
        if server.tokens.remaining.or(server.requests.remaining).is_some() {
            shared.settlements.add(|batch| {
                batch.tokens_left = least(batch.tokens_left, server.tokens.remaining).or(batch.tokens_left);
                batch.requests_left =
                    least(batch.requests_left, server.requests.remaining).or(batch.requests_left);
            });
        }
    }

    pub(crate) fn pause(&self, time: Duration) {
        if let Some(shared) = self.shared.upgrade() {
            let until = Instant::now() + time.min(LONGEST_PAUSE);
            shared.settlements.add(|batch| batch.pause(until));
            shared.pause(until);
        }
    }

    pub(crate) fn give_back(&self, limit: Limit, amount: u64) {
        let Some(shared) = self.shared.upgrade() else { return };
        shared.settlements.add(|batch| match limit {
            Limit::Tokens => batch.tokens -= signed(amount),
            Limit::Requests => batch.requests -= signed(amount),
            Limit::InFlight => batch.ended.extend(self.call.as_deref().map(str::to_owned)),
            Limit::Keys => {}
        });
    }

    pub(crate) fn end(&self, reserved: u64, used: u64) {
        let Some(shared) = self.shared.upgrade() else { return };
        if reserved != used || self.call.is_some() {
            shared.settlements.add(|batch| {
                batch.tokens = batch.tokens.saturating_add(signed(used)).saturating_sub(signed(reserved));
                batch.ended.extend(self.call.as_deref().map(str::to_owned));
            });
        }
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("call", &self.call).finish_non_exhaustive()
    }
}
