use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{Limits, TokenBucket, TooManyKeys};

/// What can be forgotten without loss, and tells when.
pub trait Idle {
    /// How long it has been as it was when it was made, with nobody else holding it; `None` when it is not.
    fn idle_for(&self) -> Option<Duration>;
}

/// The hashes of all keys, in the order in which they are looked at.
pub(crate) struct Ring {
    known: Mutex<Known>,
    most: usize,
}

#[derive(Default)]
struct Known {
    hashes: VecDeque<u64>,
    /// Keys that are about to be put in.
    coming: usize,
}

/// Room for one key.
pub(crate) struct Room<'a> {
    ring: &'a Ring,
}

/// A key that comes again within this time after its limit has refilled finds the same limit: to forget it and make it anew
/// costs more than to keep it.
const REST: Duration = Duration::from_secs(10);
/// How many keys a new one looks at, and how many when there is no room.
const LOOKED_AT: usize = 4;
const LOOKED_AT_FOR_ROOM: usize = 64;

// === impl Idle ===

impl Idle for TokenBucket {
    fn idle_for(&self) -> Option<Duration> {
        if self.is_only() { self.core().full_for() } else { None }
    }
}

impl Idle for Arc<Limits> {
    fn idle_for(&self) -> Option<Duration> {
        if Self::strong_count(self) == 1 { self.full_for() } else { None }
    }
}

// === impl Ring ===

impl Ring {
    pub(crate) fn new(most: usize) -> Self {
        Self { known: Mutex::default(), most }
    }

    /// Makes room for a key, after `forget` has looked at some others: it forgets those that have been idle for so long,
    /// and tells which are still known.
    pub(crate) fn make_room(&self, forget: impl Fn(u64, Duration) -> bool) -> Result<Room<'_>, TooManyKeys> {
        let mut known = self.known();
        for looked_at in 0..LOOKED_AT_FOR_ROOM.min(known.hashes.len()) {
            let rest = match known.count() < self.most {
                true if looked_at >= LOOKED_AT => break,
                true => REST,
                false => Duration::ZERO,
            };
            let Some(oldest) = known.hashes.pop_front() else { break };
            if forget(oldest, rest) {
                known.hashes.push_back(oldest);
            }
        }
        if known.count() >= self.most {
            return Err(TooManyKeys { most: self.most });
        }
        known.coming += 1;
        Ok(Room { ring: self })
    }

    /// Takes out a key with this hash. Of several it does not matter which.
    pub(crate) fn remove(&self, hash: u64) {
        let hashes = &mut self.known().hashes;
        if let Some(at) = hashes.iter().position(|known| *known == hash) {
            hashes.remove(at);
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Known ===

impl Known {
    fn count(&self) -> usize {
        self.hashes.len() + self.coming
    }
}

// === impl Room ===

impl Room<'_> {
    pub(crate) fn fill(self, hash: u64) {
        self.ring.known().hashes.push_back(hash);
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.ring.known().coming -= 1;
    }
}
