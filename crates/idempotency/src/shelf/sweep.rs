//! Removing what has expired, or has come to nothing: a little with each new key, and all of it where there is no room.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use tokio::time::Instant;

use super::{Shelf, State, locked};
use crate::life::Life;

/// How many expired records a call with a new key removes: more than it adds.
const SWEEP: usize = 4;

// === impl Shelf ===

impl<T> Shelf<T> {
    /// Notes when a record expires, before those that do so later: an end may be found out late.
    pub(super) fn expires_after(&self, end: Instant, key: Arc<str>) {
        if let Some(expires) = end.checked_add(self.rules.ttl) {
            let mut expiring = locked(&self.expiring);
            let place = expiring.partition_point(|(before, _)| *before <= expires);
            expiring.insert(place, (expires, key));
        }
    }

    /// Removes a few of the records that have expired, or have come to nothing.
    pub(super) fn sweep(&self) {
        for _ in 0..SWEEP {
            let now = Instant::now();
            let Some(key) = self.next_expired(now) else { break };
            self.remove_if_over(&key);
        }
        if self.living.get().is_some() {
            let watched = locked(&self.under_way).len().min(SWEEP);
            (0..watched).for_each(|_| self.look_again());
        }
    }

    /// Removes such records until there is room; tells whether there is.
    pub(super) fn make_room(&self) -> bool {
        let now = Instant::now();
        while !self.has_room()
            && let Some(key) = self.next_expired(now)
        {
            self.remove_if_over(&key);
        }
        // No more of them than there are now: those that go on are put back.
        let watched = locked(&self.under_way).len();
        for _ in 0..watched {
            if self.has_room() {
                break;
            }
            self.look_again();
        }
        self.has_room()
    }

    /// Under its key there may be a newer record by now.
    fn remove_if_over(&self, key: &str) {
        if let Some((_, slot)) = self.slots.remove_if(key, |_, slot| self.is_over(slot)) {
            self.keys.fetch_sub(1, Relaxed);
            self.forget(&slot);
        }
    }

    fn next_expired(&self, now: Instant) -> Option<Arc<str>> {
        let mut expiring = locked(&self.expiring);
        let expired = expiring.front().is_some_and(|(expires, _)| *expires <= now);
        expired.then(|| expiring.pop_front()).flatten().map(|(_, key)| key)
    }

    /// Looks what has become of an answer that was under way.
    fn look_again(&self) {
        let Some((since, key)) = locked(&self.under_way).pop_front() else { return };
        let life = self.slots.get(&key).and_then(|slot| match &slot.state {
            State::Done { kept, at, .. } if *at == since => Some(self.life(kept, *at)),
            // There is a newer one, which is noted by itself.
            _ => None,
        });
        match life {
            Some(Life::UnderWay) => locked(&self.under_way).push_back((since, key)),
            Some(Life::Ended(end)) if end.elapsed() < self.rules.ttl => self.expires_after(end, key),
            Some(Life::Ended(_) | Life::Over) => self.remove_if_over(&key),
            None => {}
        }
    }
}
