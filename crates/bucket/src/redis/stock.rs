use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use super::{
    settings::Lease,
    settlements::{Batch, signed},
};

/// What this process has taken in advance.
#[derive(Debug)]
pub(super) struct Stock {
    lease: Option<Lease>,
    held: Mutex<Held>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Held {
    tokens: u64,
    requests: u64,
    until: Option<Instant>,
}

// === impl Stock ===

impl Stock {
    pub(super) const fn new(lease: Option<Lease>) -> Self {
        Self { lease, held: Mutex::new(Held { tokens: 0, requests: 0, until: None }) }
    }

    /// What is welcome beyond what a call needs: tokens and requests.
    pub(super) fn wanted(&self) -> [u64; 2] {
        let held = *self.held.lock().unwrap_or_else(PoisonError::into_inner);
        self.lease.map_or([0, 0], |lease| {
            [lease.tokens.saturating_sub(held.tokens), lease.calls.saturating_sub(held.requests)]
        })
    }

    /// Spends what one call needs, if all of it is there.
    pub(super) fn spend(&self, tokens: u64, limited: [bool; 2]) -> bool {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let [need_tokens, need_requests] = [if limited[0] { tokens } else { 0 }, u64::from(limited[1])];
        let fresh = held.until.is_some_and(|until| Instant::now() < until);
        if !fresh || held.tokens < need_tokens || held.requests < need_requests {
            return false;
        }
        held.tokens -= need_tokens;
        held.requests -= need_requests;
        true
    }

    /// Puts in what was granted. It is good for as long as the lease from now on.
    pub(super) fn put(&self, [tokens, requests]: [u64; 2]) {
        let Some(lease) = self.lease else { return };
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.tokens += tokens;
        held.requests += requests;
        held.until = Some(Instant::now() + lease.time);
    }

    /// When what is left must be given back.
    pub(super) fn until(&self) -> Option<Instant> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).until
    }

    /// Empties it, to be given back.
    pub(super) fn give_back(&self, batch: &mut Batch) {
        let held = std::mem::take(&mut *self.held.lock().unwrap_or_else(PoisonError::into_inner));
        batch.tokens -= signed(held.tokens);
        batch.requests -= signed(held.requests);
    }
}
