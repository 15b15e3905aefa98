//! What is known of each key: an execution under way, or how it ended.

mod sweep;

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use ahash::RandomState;
use dashmap::{DashMap, Entry};
use mainstay_fault::Fault;
use tokio::time::Instant;

use crate::{
    Fingerprint, Kept, Refused, Store,
    flight::Flight,
    lead::Lead,
    life::{Life, Living},
};

/// What all handles of a [`Memory`](crate::Memory) share.
pub(crate) struct Shelf<T> {
    pub(crate) rules: Rules<T>,
    slots: DashMap<Arc<str>, Slot<T>, RandomState>,
    /// Keys in the order in which their records expire.
    expiring: Mutex<VecDeque<(Instant, Arc<str>)>>,
    /// Keys whose answers are under way, and when they were recorded.
    under_way: Mutex<VecDeque<(Instant, Arc<str>)>>,
    bytes: AtomicUsize,
    keys: AtomicUsize,
    /// What is known of answers that are not whole when they are recorded, if there are any.
    living: OnceLock<Living<T>>,
}

/// What is kept, for how long, and how much of it.
#[derive(Clone)]
pub(crate) struct Rules<T> {
    pub(crate) ttl: Duration,
    pub(crate) capacity: usize,
    pub(crate) capacity_bytes: usize,
    pub(crate) size: fn(&T) -> usize,
    pub(crate) keep: fn(&T) -> bool,
    pub(crate) keep_fault: fn(&Fault) -> bool,
    pub(crate) backing: Option<Arc<dyn Store<T>>>,
}

/// What is known of a key.
struct Slot<T> {
    fingerprint: Fingerprint,
    state: State<T>,
}

enum State<T> {
    Running(Arc<Flight<T>>),
    Done { kept: Kept<T>, at: Instant, size: usize },
}

/// What a call with a key is to do.
pub(crate) enum Begun<T> {
    Lead(Lead<T>),
    Join(Arc<Flight<T>>),
    Replay(T, Duration),
    Refused(Refused),
}

// === impl Rules ===

impl<T> Default for Rules<T> {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(3_600),
            capacity: 100_000,
            capacity_bytes: usize::MAX,
            size: |_| size_of::<T>(),
            keep: |_| true,
            keep_fault: |_| false,
            backing: None,
        }
    }
}

impl<T> Rules<T> {
    pub(crate) fn keeps(&self, kept: &Kept<T>) -> bool {
        match kept {
            Kept::Answered(response) => (self.keep)(response),
            Kept::Failed(fault) => (self.keep_fault)(fault),
        }
    }

    fn size(&self, kept: &Kept<T>) -> usize {
        match kept {
            Kept::Answered(response) => (self.size)(response),
            Kept::Failed(_) => 0,
        }
    }
}

// === impl Shelf ===

impl<T: Clone> Shelf<T> {
    pub(crate) fn peek(&self, key: &str, fingerprint: impl FnOnce() -> Fingerprint) -> Option<Begun<T>> {
        let slot = self.slots.get(key)?;
        if slot.fingerprint != fingerprint() && !self.is_over(&slot) {
            return Some(Begun::Refused(Refused::CONFLICT));
        }
        match &slot.state {
            State::Running(flight) => Some(Begun::Join(Arc::clone(flight))),
            State::Done { kept, at, .. } => self.replay(kept, *at),
        }
    }

    /// What one gets who asks for what was recorded then; `None` if its time is up, or it is no answer any more.
    fn replay(&self, kept: &Kept<T>, at: Instant) -> Option<Begun<T>> {
        let living = self.living.get();
        let age = self.age(Living::life(living, kept, at))?;
        Begun::taken(living, kept, age)
    }

    /// What one gets who waited for it; `None` if it is no answer any more.
    pub(crate) fn landed(&self, kept: &Kept<T>) -> Option<Begun<T>> {
        Begun::taken(self.living.get(), kept, Duration::ZERO)
    }

    pub(crate) fn begin(self: &Arc<Self>, key: &str, fingerprint: Fingerprint) -> Begun<T> {
        if let Some(begun) = self.peek(key, || fingerprint) {
            return begun;
        }
        self.sweep();
        let key: Arc<str> = key.into();
        let taken = self.take(&key, fingerprint);
        let taken = taken.or_else(|| if self.make_room() { self.take(&key, fingerprint) } else { None });
        taken.unwrap_or(Begun::Refused(Refused::FULL))
    }

    /// Takes the right to run under a key, unless somebody else has; `None` if there is no room for it.
    fn take(self: &Arc<Self>, key: &Arc<str>, fingerprint: Fingerprint) -> Option<Begun<T>> {
        let slot = || {
            let flight = Arc::new(Flight::new(Arc::clone(key), fingerprint));
            let lead = Lead::new(Arc::clone(self), Arc::clone(&flight));
            (Slot { fingerprint, state: State::Running(flight) }, lead)
        };
        match self.slots.entry(Arc::clone(key)) {
            Entry::Vacant(_) if !self.has_room() => None,
            Entry::Vacant(vacant) => {
                self.keys.fetch_add(1, Relaxed);
                let (slot, lead) = slot();
                vacant.insert(slot);
                Some(Begun::Lead(lead))
            }
            // What takes the place of another one needs no room.
            Entry::Occupied(mut taken) if self.is_over(taken.get()) => {
                self.forget(taken.get());
                let (slot, lead) = slot();
                taken.insert(slot);
                Some(Begun::Lead(lead))
            }
            // Somebody else came in between.
            Entry::Occupied(taken) => {
                drop(taken);
                self.peek(key, || fingerprint)
            }
        }
    }

    /// Records how an execution ended, so long ago.
    pub(crate) fn record(&self, key: &Arc<str>, kept: Kept<T>, age: Duration) {
        let now = Instant::now();
        let at = now.checked_sub(age).unwrap_or(now);
        let size = self.rules.size(&kept);
        self.bytes.fetch_add(size, Relaxed);
        let life = self.life(&kept, at);
        if let Some(mut slot) = self.slots.get_mut(key) {
            slot.state = State::Done { kept, at, size };
        }
        match life {
            Life::Ended(at) => self.expires_after(at, Arc::clone(key)),
            Life::UnderWay | Life::Over => locked(&self.under_way).push_back((at, Arc::clone(key))),
        }
    }
}

impl<T> Shelf<T> {
    pub(crate) fn new(rules: Rules<T>) -> Self {
        Self {
            rules,
            slots: DashMap::with_hasher(RandomState::new()),
            expiring: Mutex::default(),
            under_way: Mutex::default(),
            bytes: AtomicUsize::new(0),
            keys: AtomicUsize::new(0),
            living: OnceLock::new(),
        }
    }

    /// Says that answers go on, and how. Who says it first is right.
    pub(crate) fn living_as(&self, living: Living<T>) {
        self.living.get_or_init(|| living);
    }

    /// How far it is, of what was recorded then.
    fn life(&self, kept: &Kept<T>, at: Instant) -> Life {
        Living::life(self.living.get(), kept, at)
    }

    /// How long ago an answer ended; `None` if its time is up, or it is none any more.
    fn age(&self, life: Life) -> Option<Duration> {
        match life {
            Life::UnderWay => Some(Duration::ZERO),
            Life::Ended(at) => Some(at.elapsed()).filter(|age| *age < self.rules.ttl),
            Life::Over => None,
        }
    }

    /// Whether a key has an execution under way, or a record.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.slots.get(key).is_some_and(|slot| !self.is_over(&slot))
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.load(Relaxed)
    }

    /// Frees a key, if this execution still has it.
    pub(crate) fn free(&self, key: &str, flight: &Arc<Flight<T>>) {
        let ours = |slot: &Slot<T>| matches!(&slot.state, State::Running(its) if Arc::ptr_eq(its, flight));
        if self.slots.remove_if(key, |_, slot| ours(slot)).is_some() {
            self.keys.fetch_sub(1, Relaxed);
        }
    }

    /// Whether a record's time is up, or it is none any more.
    fn is_over(&self, slot: &Slot<T>) -> bool {
        match &slot.state {
            State::Running(_) => false,
            State::Done { kept, at, .. } => self.age(self.life(kept, *at)).is_none(),
        }
    }

    fn has_room(&self) -> bool {
        self.len() < self.rules.capacity && self.bytes.load(Relaxed) < self.rules.capacity_bytes
    }

    /// Takes the bytes of a record off the count.
    fn forget(&self, slot: &Slot<T>) {
        if let State::Done { size, .. } = slot.state {
            self.bytes.fetch_sub(size, Relaxed);
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

// === impl Begun ===

impl<T: Clone> Begun<T> {
    /// As [`ended`](Self::ended); `None` if it is no answer any more.
    fn taken(living: Option<&Living<T>>, kept: &Kept<T>, age: Duration) -> Option<Self> {
        match (kept, living) {
            (Kept::Answered(response), Some(living)) => {
                (living.take)(response).map(|response| Self::Replay(response, age))
            }
            _ => Some(Self::ended(kept, age)),
        }
    }

    /// What follows on an execution that has ended.
    pub(crate) fn ended(kept: &Kept<T>, age: Duration) -> Self {
        match kept {
            Kept::Answered(response) => Self::Replay(response.clone(), age),
            Kept::Failed(fault) => Self::Refused(Refused::failed(*fault)),
        }
    }
}
