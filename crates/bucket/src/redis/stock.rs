use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

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

/// What stands for a time without end: thirty years.
const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

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
        match held.after(tokens, limited) {
            Some(after) => {
                *held = after;
                true
            }
            None => false,
        }
    }

    /// Tells whether it holds what one call needs.
    pub(super) fn holds(&self, tokens: u64, limited: [bool; 2]) -> bool {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).after(tokens, limited).is_some()
    }

    /// Puts in what was granted. It is good for as long as the lease from now on.
    pub(super) fn put(&self, [tokens, requests]: [u64; 2]) {
        let Some(lease) = self.lease else { return };
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.tokens = held.tokens.saturating_add(tokens);
        held.requests = held.requests.saturating_add(requests);
        let now = Instant::now();
        held.until = Some(now.checked_add(lease.time).unwrap_or_else(|| now + FAR));
    }

    /// When what is left must be given back.
    pub(super) fn until(&self) -> Option<Instant> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).until
    }

    /// Empties it, to be given back.
    pub(super) fn give_back(&self, batch: &mut Batch) {
        let held = std::mem::take(&mut *self.held.lock().unwrap_or_else(PoisonError::into_inner));
        batch.tokens = batch.tokens.saturating_sub(signed(held.tokens));
        batch.requests = batch.requests.saturating_sub(signed(held.requests));
    }
}

// === impl Held ===

impl Held {
    /// What is left after one call, if all that it needs is there.
    fn after(self, tokens: u64, [limits_tokens, limits_requests]: [bool; 2]) -> Option<Self> {
        let need = |limited: bool, amount| if limited { amount } else { 0 };
        self.until.filter(|until| Instant::now() < *until)?;
        Some(Self {
            tokens: self.tokens.checked_sub(need(limits_tokens, tokens))?,
            requests: self.requests.checked_sub(need(limits_requests, 1))?,
            until: self.until,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_may_be_without_end() {
        let stock = Stock::new(Some(Lease { calls: 1, tokens: 10, time: Duration::MAX }));
        stock.put([10, 1]);
        assert!(stock.holds(10, [true; 2]) && !stock.holds(11, [true; 2]));
    }
}
