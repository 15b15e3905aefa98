use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{Limits, TokenBucket, TooManyKeys};

/// What can be forgotten without loss, and tells when.
pub trait Idle {
    /// Tells whether it is as it was when it was made, and nobody else holds it.
    fn is_idle(&self) -> bool;
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

/// How many keys a new one looks at, and how many when there is no room.
const LOOKED_AT: usize = 4;
const LOOKED_AT_FOR_ROOM: usize = 64;

// === impl Idle ===

impl Idle for TokenBucket {
    fn is_idle(&self) -> bool {
        self.is_only() && self.is_full()
    }
}

impl Idle for Arc<Limits> {
    fn is_idle(&self) -> bool {
        Arc::strong_count(self) == 1 && self.is_full()
    }
}

// === impl Ring ===

impl Ring {
    pub(crate) fn new(most: usize) -> Self {
        Self { known: Mutex::default(), most }
    }

    /// Makes room for a key, after `forget` has looked at some others: it tells which are still needed.
    pub(crate) fn make_room(&self, forget: impl Fn(u64) -> bool) -> Result<Room<'_>, TooManyKeys> {
        let mut known = self.known();
        for looked_at in 0..LOOKED_AT_FOR_ROOM.min(known.hashes.len()) {
            if looked_at >= LOOKED_AT && known.count() < self.most {
                break;
            }
            let Some(oldest) = known.hashes.pop_front() else { break };
            if forget(oldest) {
                known.hashes.push_back(oldest);
            }
        }
        if known.count() >= self.most {
            return Err(TooManyKeys { most: self.most });
        }
        known.coming += 1;
        Ok(Room { ring: self })
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
