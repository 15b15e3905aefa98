use std::{fmt, sync::Arc, time::Duration};

use mainstay_fault::Fault;

use crate::{
    Fingerprint, Kept, Store,
    life::Living,
    shelf::{Begun, Rules, Shelf},
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
/// | [`keeping_faults`](Self::keeping_faults) | none |
/// | [`backed_by`](Self::backed_by) | nothing: records end with the process |
///
/// All of them are to be set before it is used: what was recorded is forgotten.
///
/// # Clone
///
/// Clones share the records.
pub struct Memory<T>(Arc<Shelf<T>>);

// === impl Memory ===

impl<T: Clone> Default for Memory<T> {
    fn default() -> Self {
        Self(Arc::new(Shelf::new(Rules::default())))
    }
}

impl<T: Clone> Memory<T> {
    /// Creates an empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how long a record stays.
    #[must_use]
    pub fn ttl(self, ttl: Duration) -> Self {
        self.with(|rules| rules.ttl = ttl)
    }

    /// Sets how many keys there may be, running ones included.
    #[must_use]
    pub fn capacity(self, keys: usize) -> Self {
        self.with(|rules| rules.capacity = keys)
    }

    /// Sets how many bytes all responses may take together, by a function that says how many one takes when it is recorded. New
    /// keys are refused while they take more.
    #[must_use]
    pub fn capacity_bytes(self, bytes: usize, size: fn(&T) -> usize) -> Self {
        self.with(|rules| (rules.capacity_bytes, rules.size) = (bytes, size))
    }

    /// Sets which answers are stored. Those who wait get one that is not, and the next call runs anew.
    #[must_use]
    pub fn keeping(self, keep: fn(&T) -> bool) -> Self {
        self.with(|rules| rules.keep = keep)
    }

    /// Sets which failures are stored: calls with their key fail with the same fault until their time is up. To be used for
    /// what would fail again in any case, such as an invalid request.
    #[must_use]
    pub fn keeping_faults(self, keep: fn(&Fault) -> bool) -> Self {
        self.with(|rules| rules.keep_fault = keep)
    }

    /// Has records kept where they outlive the process, or where others see them. A new key costs what the store takes; known ones
    /// are found in memory as before.
    ///
    /// When the store cannot be asked, the call is refused ([`Refused::store`](crate::Refused::store)). When an answer cannot be kept it is
    /// handed out all the same, as it has had its effect, and a trace of level `ERROR` says so.
    #[must_use]
    pub fn backed_by(self, store: impl Store<T> + 'static) -> Self {
        self.with(|rules| rules.backing = Some(Arc::new(store)))
    }

    /// Whether an execution is under way under a key, or a record of one is kept here.
    ///
    /// # Examples
    ///
    /// ```
    /// use mainstay_idempotency::{IdempotencyLayer, Memory, Refused};
    /// use tower::{Layer, ServiceExt, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Refused> {
    /// let memory = Memory::new();
    /// let layer = IdempotencyLayer::new().key(|key: &&str| Some(*key)).store(memory.clone());
    /// layer.layer(service_fn(async |key: &'static str| Ok::<_, Refused>(key.len()))).oneshot("order-17").await?;
    /// assert!(memory.has("order-17") && !memory.has("order-18"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn has(&self, key: &str) -> bool {
        self.0.has(key)
    }

    /// How many keys there are, expired ones that were not removed yet included.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Says that recorded answers go on, and how, for all handles.
    pub(crate) fn living_as(&self, living: Living<T>) {
        self.0.living_as(living);
    }

    /// What one gets who waited for what an execution has come to; `None` if that is no answer any more.
    pub(crate) fn landed(&self, kept: &Kept<T>) -> Option<Begun<T>> {
        self.0.landed(kept)
    }

    pub(crate) fn is_backed(&self) -> bool {
        self.0.rules.backing.is_some()
    }

    fn with(&self, change: impl FnOnce(&mut Rules<T>)) -> Self {
        let mut rules = self.0.rules.clone();
        change(&mut rules);
        Self(Arc::new(Shelf::new(rules)))
    }

    /// Looks a key up without allocating: by far most calls that are no first ones end here.
    pub(crate) fn peek(&self, key: &str, fingerprint: impl FnOnce() -> Fingerprint) -> Option<Begun<T>> {
        self.0.peek(key, fingerprint)
    }

    /// Looks a key up, and takes the right to run under it if nobody has it.
    pub(crate) fn begin(&self, key: &str, fingerprint: Fingerprint) -> Begun<T> {
        self.0.begin(key, fingerprint)
    }
}

impl<T> Clone for Memory<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for Memory<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("keys", &self.0.len()).finish_non_exhaustive()
    }
}
