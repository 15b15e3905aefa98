use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use ahash::RandomState;
use dashmap::{DashMap, Entry};
use mainstay_fault::Fault;
use tokio::time::Instant;

use crate::{
    Fingerprint, Refused,
    flight::{Flight, Outcome},
};

/// Answers by their keys, in the memory of the process.
///
/// It is no cache: a record stays until its time is up, and is never dropped to make room; a new key is refused instead. What
/// has expired is removed a little at a time, by calls with new keys; no task is needed.
///
/// | setting | default |
/// |---|---|
/// | [`ttl`](Self::ttl) | 1 h from the end of the execution |
/// | [`capacity`](Self::capacity) | 100,000 keys |
/// | [`capacity_bytes`](Self::capacity_bytes) | no limit |
/// | [`keeping`](Self::keeping) | all answers |
///
/// # Clone
///
/// Clones share the records.
pub struct Memory<T>(Arc<Shelf<T>>);

struct Shelf<T> {
    slots: DashMap<Arc<str>, Slot<T>, RandomState>,
    /// Keys in the order in which their records expire.
    expiring: Mutex<VecDeque<(Instant, Arc<str>)>>,
    bytes: AtomicUsize,
    keys: AtomicUsize,
    ttl: Duration,
    capacity: usize,
    capacity_bytes: usize,
    size: fn(&T) -> usize,
    keep: fn(&T) -> bool,
}

/// What is known of a key.
struct Slot<T> {
    fingerprint: Fingerprint,
    state: State<T>,
}

enum State<T> {
    Running(Arc<Flight<T>>),
    Done { response: T, at: Instant },
}

/// What a call with a key is to do.
pub(crate) enum Begun<T> {
    Lead(Lead<T>),
    Join(Arc<Flight<T>>),
    Replay(T, Duration),
    Refused(Refused),
}

/// The right to run under a key. Dropped without an end, it passes the right on.
pub(crate) struct Lead<T> {
    shelf: Arc<Shelf<T>>,
    key: Arc<str>,
    flight: Arc<Flight<T>>,
}

/// How many expired records a call with a new key removes: more than it adds.
const SWEEP: usize = 4;

// === impl Memory ===

impl<T: Clone> Default for Memory<T> {
    fn default() -> Self {
        Self(Arc::new(Shelf {
            slots: DashMap::with_hasher(RandomState::new()),
            expiring: Mutex::default(),
            bytes: AtomicUsize::new(0),
            keys: AtomicUsize::new(0),
            ttl: Duration::from_secs(3_600),
            capacity: 100_000,
            capacity_bytes: usize::MAX,
            size: |_| size_of::<T>(),
            keep: |_| true,
        }))
    }
}

impl<T: Clone> Memory<T> {
    /// Creates an empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how long a record stays. To be called before it is used: what was recorded is forgotten.
    #[must_use]
    pub fn ttl(self, ttl: Duration) -> Self {
        self.with(|shelf| shelf.ttl = ttl)
    }

    /// Sets how many keys there may be, running ones included. To be called before it is used.
    #[must_use]
    pub fn capacity(self, keys: usize) -> Self {
        self.with(|shelf| shelf.capacity = keys)
    }

    /// Sets how many bytes all responses may take together, by a function that says how many one takes. New keys are refused
    /// while they take more. To be called before it is used.
    #[must_use]
    pub fn capacity_bytes(self, bytes: usize, size: fn(&T) -> usize) -> Self {
        self.with(|shelf| (shelf.capacity_bytes, shelf.size) = (bytes, size))
    }

    /// Sets which answers are stored: all, unless set. Those who wait get one that is not, and the next call runs anew. To be
    /// called before it is used.
    #[must_use]
    pub fn keeping(self, keep: fn(&T) -> bool) -> Self {
        self.with(|shelf| shelf.keep = keep)
    }

    /// How many keys there are, expired ones that were not removed yet included.
    pub fn len(&self) -> usize {
        self.0.keys.load(Relaxed)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn with(&self, change: impl FnOnce(&mut Shelf<T>)) -> Self {
        let Shelf { ttl, capacity, capacity_bytes, size, keep, .. } = *self.0;
        let mut fresh = Shelf {
            slots: DashMap::with_hasher(RandomState::new()),
            expiring: Mutex::default(),
            bytes: AtomicUsize::new(0),
            keys: AtomicUsize::new(0),
            ttl,
            capacity,
            capacity_bytes,
            size,
            keep,
        };
        change(&mut fresh);
        Self(Arc::new(fresh))
    }

    /// Looks a key up without allocating: by far most calls that are no first ones end here.
    pub(crate) fn peek(&self, key: &str, fingerprint: impl FnOnce() -> Fingerprint) -> Option<Begun<T>> {
        let slot = self.0.slots.get(key)?;
        if slot.fingerprint != fingerprint() && !self.0.expired(&slot) {
            return Some(Begun::Refused(Refused::CONFLICT));
        }
        match &slot.state {
            State::Running(flight) => Some(Begun::Join(Arc::clone(flight))),
            State::Done { response, at } => {
                let age = at.elapsed();
                (age < self.0.ttl).then(|| Begun::Replay(response.clone(), age))
            }
        }
    }

    /// Looks a key up, and takes the right to run under it if nobody has it.
    pub(crate) fn begin(&self, key: &str, fingerprint: Fingerprint) -> Begun<T> {
        if let Some(begun) = self.peek(key, || fingerprint) {
            return begun;
        }
        self.0.sweep();
        if !self.0.has_room() {
            return Begun::Refused(Refused::FULL);
        }
        let key: Arc<str> = key.into();
        let slot = || {
            let flight = Arc::new(Flight::new());
            let lead =
                Lead { shelf: Arc::clone(&self.0), key: Arc::clone(&key), flight: Arc::clone(&flight) };
            (Slot { fingerprint, state: State::Running(flight) }, lead)
        };
        match self.0.slots.entry(Arc::clone(&key)) {
            Entry::Vacant(vacant) => {
                self.0.keys.fetch_add(1, Relaxed);
                let (slot, lead) = slot();
                vacant.insert(slot);
                Begun::Lead(lead)
            }
            Entry::Occupied(mut taken) if self.0.expired(taken.get()) => {
                self.0.forget(taken.get());
                let (slot, lead) = slot();
                taken.insert(slot);
                Begun::Lead(lead)
            }
            // Somebody else came in between.
            Entry::Occupied(taken) => {
                drop(taken);
                self.peek(&key, || fingerprint).unwrap_or(Begun::Refused(Refused::FULL))
            }
        }
    }
}

impl<T> Clone for Memory<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for Memory<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory")
            .field("keys", &self.0.keys)
            .field("bytes", &self.0.bytes)
            .finish_non_exhaustive()
    }
}

// === impl Shelf ===

impl<T> Shelf<T> {
    fn expired(&self, slot: &Slot<T>) -> bool {
        matches!(&slot.state, State::Done { at, .. } if at.elapsed() >= self.ttl)
    }

    fn has_room(&self) -> bool {
        self.keys.load(Relaxed) < self.capacity && self.bytes.load(Relaxed) < self.capacity_bytes
    }

    /// Takes the bytes of a record off the count.
    fn forget(&self, slot: &Slot<T>) {
        if let State::Done { response, .. } = &slot.state {
            self.bytes.fetch_sub((self.size)(response), Relaxed);
        }
    }

    /// Removes a few of the records that have expired.
    fn sweep(&self) {
        for _ in 0..SWEEP {
            let now = Instant::now();
            let Some(key) = self.next_expired(now) else { return };
            // Under its key there may be a newer record by now.
            if let Some((_, slot)) = self.slots.remove_if(&key, |_, slot| self.expired(slot)) {
                self.keys.fetch_sub(1, Relaxed);
                self.forget(&slot);
            }
        }
    }

    fn next_expired(&self, now: Instant) -> Option<Arc<str>> {
        let mut expiring = self.expiring();
        let expired = expiring.front().is_some_and(|(expires, _)| *expires <= now);
        expired.then(|| expiring.pop_front()).flatten().map(|(_, key)| key)
    }

    fn expiring(&self) -> MutexGuard<'_, VecDeque<(Instant, Arc<str>)>> {
        self.expiring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Lead ===

impl<T: Clone> Lead<T> {
    /// Records the answer, and hands it to those who wait.
    pub(crate) fn answered(self, response: &T) {
        if !(self.shelf.keep)(response) {
            self.free();
            return self.flight.land(Outcome::Answered(response.clone()));
        }
        let now = Instant::now();
        let Shelf { slots, bytes, size, ttl, .. } = &*self.shelf;
        bytes.fetch_add(size(response), Relaxed);
        if let Some(mut slot) = slots.get_mut(&self.key) {
            slot.state = State::Done { response: response.clone(), at: now };
        }
        if let Some(expires) = now.checked_add(*ttl) {
            self.shelf.expiring().push_back((expires, Arc::clone(&self.key)));
        }
        self.flight.land(Outcome::Answered(response.clone()));
    }

    /// Frees the key, and tells those who wait.
    pub(crate) fn failed(self, fault: Fault) {
        self.free();
        self.flight.land(Outcome::Failed(fault));
    }
}

impl<T> Lead<T> {
    /// Frees the key, if this execution still has it.
    fn free(&self) {
        let ours = |slot: &Slot<T>| matches!(&slot.state, State::Running(flight) if Arc::ptr_eq(flight, &self.flight));
        if self.shelf.slots.remove_if(&self.key, |_, slot| ours(slot)).is_some() {
            self.shelf.keys.fetch_sub(1, Relaxed);
        }
    }
}

impl<T> Drop for Lead<T> {
    fn drop(&mut self) {
        if self.flight.outcome().is_none() {
            self.free();
            self.flight.land(Outcome::Abandoned);
        }
    }
}
