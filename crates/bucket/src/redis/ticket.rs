use std::{fmt, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{settlements::signed, shared::Shared};
use crate::{Limit, ServerLimits, settle::LONGEST_PAUSE};

/// How a call finds back to the limits that it was taken from. It keeps them, so that a call is settled however late it ends.
#[derive(Clone)]
pub(crate) struct Ticket {
    shared: Arc<Shared>,
    /// Its name among the calls in flight.
    call: Option<Arc<str>>,
    /// The tokens and requests that were taken from the local share for it.
    drained: [u64; 2],
}

// === impl Ticket ===

impl Ticket {
    /// For a call that was granted: it counts against the local share, too, as far as that reaches.
    pub(super) fn new(shared: &Arc<Shared>, tokens: u64, call: Option<Arc<str>>) -> Self {
        let drained = shared.local.as_ref().map_or([0, 0], |local| local.drain(tokens, 1));
        Self { shared: Arc::clone(shared), call, drained }
    }

    pub(crate) fn learn(&self, server: &ServerLimits) {
        let least =
            |known: Option<u64>, new: Option<u64>| new.map(|new| known.map_or(new, |known| known.min(new)));
        if server.tokens.remaining.or(server.requests.remaining).is_some() {
            self.shared.settlements.add(|batch| {
                batch.tokens_left = least(batch.tokens_left, server.tokens.remaining).or(batch.tokens_left);
                batch.requests_left =
                    least(batch.requests_left, server.requests.remaining).or(batch.requests_left);
            });
        }
    }

    pub(crate) fn pause(&self, time: Duration) {
        let until = Instant::now() + time.min(LONGEST_PAUSE);
        self.shared.settlements.add(|batch| batch.pause(until));
        self.shared.pause(until);
    }

    pub(crate) fn give_back(&self, limit: Limit, amount: u64) {
        self.shared.settlements.add(|batch| match limit {
            Limit::Tokens => batch.tokens = batch.tokens.saturating_sub(signed(amount)),
            Limit::Requests => batch.requests = batch.requests.saturating_sub(signed(amount)),
            Limit::InFlight => batch.ended.extend(self.call.as_deref().map(str::to_owned)),
            Limit::Keys => {}
        });
        let [tokens, requests] = self.drained;
        match limit {
            Limit::Tokens => self.refund(limit, tokens.min(amount)),
            Limit::Requests => self.refund(limit, requests.min(amount)),
            Limit::InFlight | Limit::Keys => {}
        }
    }

    pub(crate) fn end(&self, reserved: u64, used: u64) {
        let most = self.shared.settings.tokens.map_or(0, |quota| quota.most_beyond());
        let used = used.min(reserved.saturating_add(most));
        if reserved != used || self.call.is_some() {
            self.shared.settlements.add(|batch| {
                batch.tokens = batch.tokens.saturating_add(signed(used)).saturating_sub(signed(reserved));
                batch.ended.extend(self.call.as_deref().map(str::to_owned));
            });
        }
        self.refund(Limit::Tokens, self.drained[0].saturating_sub(used));
        if let Some(local) = &self.shared.local {
            local.drain(used.saturating_sub(reserved), 0);
        }
    }

    /// Gives back to the local share.
    fn refund(&self, limit: Limit, amount: u64) {
        if let Some(local) = &self.shared.local
            && amount > 0
        {
            local.give_back(limit, amount);
        }
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("call", &self.call).finish_non_exhaustive()
    }
}
