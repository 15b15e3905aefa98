use std::{borrow::Borrow, fmt, hash::Hash, sync::Arc, time::Duration};

use ahash::RandomState;
use dashmap::{DashMap, Entry};

use crate::{
    InvalidLimit, Limits, Rate, TokenBucket, TooManyKeys, TryAcquireError,
    idle::{Idle, Ring},
};

/// Token buckets by key: by tenant, by model, by API key.
pub type KeyedBuckets<K> = Keyed<K, TokenBucket>;

/// Limits by key, for a layer: see [`by_key`](crate::by_key()).
pub type KeyedLimits<K> = Keyed<K, Arc<Limits>>;

/// A limit for each key, made when the key is first seen and forgotten when it is idle.
///
/// Looking up needs no owned key, so that a `&str` finds a `String` without an allocation. Different keys do not wait for
/// each other: the map ([`DashMap`]) is locked in parts, for the length of one step, and never while anyone waits.
///
/// # Idle keys
///
/// A limit is idle when it is as it was when it was made: full, not paused, with nobody waiting and nobody holding it.
/// To forget such a one loses nothing (but a rate or capacity that was set later, or what a server said of its limits). Each new key looks at four known ones, the least
/// recently looked at first, and forgets those that have been idle for ten seconds; there is no task in the background. So the map
/// does not grow while keys become idle at least a quarter as fast as new ones come. A key that is known already costs
/// nothing of this.
///
/// # The cap
///
/// At [`max_keys`](Self::max_keys), a million by default, a new key looks at 64 known ones. When none of those is idle, it
/// is refused with [`TooManyKeys`]: a limit in use is never forgotten to make room, since its key would begin anew with a full bucket.
/// A bucket with a short string for its key takes some 240 bytes in all.
///
/// # Examples
///
/// ```
/// use mainstay_bucket::{KeyedBuckets, Rate};
///
/// let tenants: KeyedBuckets<String> = KeyedBuckets::new(10, Rate::per_second(1.0)?)?;
/// assert!(tenants.try_acquire("ada", 10).is_ok());
/// assert!(tenants.try_acquire("ada", 1).is_err());
/// assert!(tenants.try_acquire("grace", 1).is_ok());
/// # Ok::<_, mainstay_bucket::InvalidLimit>(())
/// ```
pub struct Keyed<K, V> {
    map: DashMap<K, V, RandomState>,
    make: Box<dyn Fn(&K) -> V + Send + Sync>,
    ring: Ring,
}

// === impl Keyed ===

impl<K: Hash + Eq> Keyed<K, TokenBucket> {
    /// Gives each key a bucket of its own, all of one capacity and rate.
    ///
    /// # Errors
    ///
    /// As [`TokenBucket::new`].
    pub fn new(capacity: u64, rate: Rate) -> Result<Self, InvalidLimit> {
        let first = TokenBucket::compact(capacity, rate)?;
        Ok(Self::with(move |_| first.another()))
    }

    /// Takes tokens from a key's bucket, if they are there: see [`TokenBucket::try_acquire`].
    ///
    /// To wait for them, [`get`](Self::get) the bucket.
    ///
    /// # Errors
    ///
    /// Those of [`TokenBucket::try_acquire`], and [`TooManyKeys`].
    pub fn try_acquire<Q>(&self, key: &Q, tokens: u64) -> Result<(), KeyedError>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        Ok(self.with_value(key, |bucket| bucket.try_acquire(tokens))??)
    }
}

impl<K, V> Keyed<K, V>
where
    K: Hash + Eq,
    V: Idle + Clone,
{
    /// Gives each key what `make` makes for it, when the key is first seen.
    pub fn with(make: impl Fn(&K) -> V + Send + Sync + 'static) -> Self {
        Self { map: DashMap::default(), make: Box::new(make), ring: Ring::new(1_000_000) }
    }

    /// Sets how many keys are known at once, at the most.
    #[must_use]
    pub fn max_keys(self, keys: usize) -> Self {
        Self { ring: Ring::new(keys), ..self }
    }

    /// Returns the limit of a key, which is the same for as long as it is held.
    ///
    /// # Errors
    ///
    /// [`TooManyKeys`], when the key is new and there is no room.
    pub fn get<Q>(&self, key: &Q) -> Result<V, TooManyKeys>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        self.with_value(key, V::clone)
    }

    /// Forgets a key, and returns its limit. It is made anew when the key is seen again, such as by what the key may use now; whoever
    /// holds the old one, or waits for it, keeps it.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::{Arc, atomic::{AtomicU64, Ordering::Relaxed}};
    /// use mainstay_bucket::{KeyedLimits, Limits};
    ///
    /// let plan = Arc::new(AtomicU64::new(60));
    /// let booked = Arc::clone(&plan);
    /// let tenants = KeyedLimits::with(move |_: &String| {
    ///     Arc::new(Limits::default().requests_per_minute(booked.load(Relaxed)).unwrap_or_default())
    /// });
    /// assert_eq!(tenants.get("ada")?.requests_available(), Some(60));
    ///
    /// plan.store(600, Relaxed);
    /// tenants.remove("ada");
    /// assert_eq!(tenants.get("ada")?.requests_available(), Some(600));
    /// # Ok::<_, mainstay_bucket::TooManyKeys>(())
    /// ```
    pub fn remove<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let (_, value) = self.map.remove(key)?;
        self.ring.remove(self.map.hasher().hash_one(key));
        Some(value)
    }

    /// Returns the number of keys that are known.
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Tells whether no key is known.
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    fn with_value<Q, T>(&self, key: &Q, look: impl FnOnce(&V) -> T) -> Result<T, TooManyKeys>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        if let Some(value) = self.map.get(key) {
            return Ok(look(&value));
        }
        self.insert(key, look)
    }

    fn insert<Q, T>(&self, key: &Q, look: impl FnOnce(&V) -> T) -> Result<T, TooManyKeys>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        // The ring is never locked inside the map's lock.
        let room = self.ring.make_room(|hash, rest| self.forget(hash, rest))?;
        let (result, hash) = match self.map.entry(key.to_owned()) {
            Entry::Occupied(known) => return Ok(look(known.get())),
            Entry::Vacant(vacant) => {
                let value = (self.make)(vacant.key());
                (look(&vacant.insert(value)), self.map.hasher().hash_one(key))
            }
        };
        room.fill(hash);
        Ok(result)
    }

    /// Forgets a key with this hash that has been idle for so long; tells whether another is known.
    fn forget(&self, hash: u64, rest: Duration) -> bool {
        #[expect(clippy::cast_possible_truncation, reason = "the map does the same")]
        let shard = self.map.determine_shard(hash as usize);
        let Some(shard) = self.map.shards().get(shard) else { return false };
        // The table shows other keys too, of whose hashes some bits are the same.
        let same = |key: &K| self.map.hasher().hash_one(key) == hash;
        let mut table = shard.write();
        let idle = table.remove_entry(hash, |(key, value)| same(key) && value.get().idle_for() >= Some(rest));
        let other = idle.is_none() && table.get(hash, |(key, _)| same(key)).is_some();
        drop(table);
        other
    }
}

impl<K: Hash + Eq, V> fmt::Debug for Keyed<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyed").field("keys", &self.map.len()).finish_non_exhaustive()
    }
}

/// Why [`KeyedBuckets::try_acquire`](Keyed::try_acquire) took nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyedError {
    /// The key's bucket refused.
    #[error(transparent)]
    Bucket(#[from] TryAcquireError),
    /// The key is new, and there is no room.
    #[error(transparent)]
    TooManyKeys(#[from] TooManyKeys),
}
