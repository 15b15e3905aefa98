use std::{fmt, sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{Acquire, Clock, InvalidLimit, Rate, TokioClock, TryAcquireError, core::Core, stash::Stash};

/// A bucket of tokens that refills at a rate.
///
/// Full at first. What is taken comes back with time, up to the capacity. Tokens are of whatever a provider counts:
/// requests, the tokens of a language model, cents.
///
/// # What holds
///
/// * **The bound**: in any window of length *T*, no more than capacity + rate × *T* tokens are taken, refunds counted back
///   and charges counted in. It is exact, with any number of threads. A taking counts at the moment at which the bucket
///   serves it.
/// * **First come, first served**, whatever the size: while anyone waits, nobody passes, neither by
///   [`acquire`](Self::acquire) nor by [`try_acquire`](Self::try_acquire). A large one is not starved by many small ones.
/// * **Nobody waits for nothing**: more than the capacity is an error at once, and no tokens are lost: not by a waiter that
///   is dropped, not by rounding (a taking costs at most 1/16 ns of refill too much).
///
/// # Speed
///
/// The balance is one atomic word. So that threads do not fight over it, a bucket large enough lets each thread take a
/// few tokens in advance (all of them together at most a sixteenth of the capacity) and spend them from a place of its
/// own, with one uncontended atomic step and without reading a clock. While less than a quarter of the capacity is left,
/// tokens are taken one by one; and before anyone is refused, what lies in the places is gathered in.
///
/// What remains to be seen of it: such a bucket may count as full up to a sixteenth too early, so that of a burst it may
/// refuse that much for the moment that it takes to refill. It never errs on the other side. Buckets of less than 128
/// tokens for each thread that the machine runs have no such places, and are exact in this, too; those made by
/// [`compact`](Self::compact) have one place for all threads, from 128 tokens on.
///
/// No lock is taken and nothing allocated unless somebody must wait.
///
/// # Clone
///
/// Cheap; clones are handles on the same bucket.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use mainstay_bucket::{Rate, TokenBucket};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
/// // 90,000 tokens a minute, all of which may be used at once.
/// let bucket = TokenBucket::new(90_000, Rate::per_minute(90_000.0)?)?;
///
/// // A call is expected to need 60,000, and is made at once; it needs only 45,000.
/// assert_eq!(bucket.acquire(60_000).await?, Duration::ZERO);
/// bucket.refund(15_000);
///
/// // The next one waits until there are enough.
/// let waited = bucket.acquire(60_000).await?;
/// assert_eq!(waited.as_secs(), 10);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct TokenBucket<C: Clock = TokioClock> {
    core: Arc<Core<C>>,
}

// === impl TokenBucket ===

impl TokenBucket {
    /// Creates a full bucket on tokio's clock.
    ///
    /// # Errors
    ///
    /// When the capacity is zero, or would take more than a year to fill.
    pub fn new(capacity: u64, rate: Rate) -> Result<Self, InvalidLimit> {
        Self::with_clock(capacity, rate, TokioClock::new())
    }

    /// Creates a full bucket that is small, with one place for all threads: for buckets in great number.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn compact(capacity: u64, rate: Rate) -> Result<Self, InvalidLimit> {
        Self::build(capacity, rate, TokioClock::new(), Stash::compact(capacity))
    }

    /// A full compact bucket like this one.
    pub(crate) fn another(&self) -> Self {
        let stash = Stash::compact(self.capacity());
        let core = Core::new(self.capacity(), self.core.price(), TokioClock::new(), stash);
        Self { core: Arc::new(core) }
    }
}

impl<C: Clock> TokenBucket<C> {
    /// Creates a full bucket on a clock. [`Limits`](crate::Limits), [`KeyedBuckets`](crate::KeyedBuckets) and
    /// [`RateLimitLayer`](crate::RateLimitLayer) have buckets on tokio's clock only.
    ///
    /// # Errors
    ///
    /// As [`new`](TokenBucket::new).
    pub fn with_clock(capacity: u64, rate: Rate, clock: C) -> Result<Self, InvalidLimit> {
        Self::build(capacity, rate, clock, Stash::new(capacity))
    }

    /// Takes tokens if they are there and nobody waits for any.
    ///
    /// None are always there.
    ///
    /// # Errors
    ///
    /// [`NotYet`](TryAcquireError::NotYet), with the time after which they would be there if nobody else came in between;
    /// [`TooLarge`](TryAcquireError::TooLarge), when the bucket never holds so many.
    #[inline]
    pub fn try_acquire(&self, tokens: u64) -> Result<(), TryAcquireError> {
        self.core.try_take(tokens)
    }

    /// Takes tokens, after waiting for them where necessary; tells how long that was.
    ///
    /// Waiting needs a tokio runtime with time. Timers have a resolution of a millisecond: who waits may be served that
    /// much late, never early.
    ///
    /// # Errors
    ///
    /// [`TooLarge`](crate::TooLarge), at once, when the bucket never holds so many.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it takes nothing and leaves no hole in the line.
    pub fn acquire(&self, tokens: u64) -> Acquire<'_, C> {
        Acquire::new(&self.core, tokens)
    }

    /// Gives back tokens that were taken and not used. The bucket holds no more than its capacity by it.
    pub fn refund(&self, tokens: u64) {
        self.core.refund(tokens);
    }

    /// Takes tokens that have been used already, whether they are there or not.
    ///
    /// The bucket may go into debt: then all wait until it is paid back.
    pub fn charge(&self, tokens: u64) {
        self.core.charge(tokens);
    }

    /// Changes how fast the bucket refills from now on. What is there, or owed, stays. Where the server allows less (see
    /// [`ServerLimits`](crate::ServerLimits)), that counts as long as it holds.
    ///
    /// # Errors
    ///
    /// When the capacity would take more than a year to fill.
    pub fn set_rate(&self, rate: Rate) -> Result<(), InvalidLimit> {
        let price = rate.price();
        self.core.locked(|held| {
            let capacity = held.capacity_set();
            check(capacity, Core::<C>::fills(capacity, price))?;
            held.set_rate(price);
            Ok(())
        })
    }

    /// Changes what the bucket holds when it is full. What is there stays, up to the new capacity, and so does what is owed; who waits
    /// for more than that is still served, when as much would have come. Where the server allows less, that counts as long as it
    /// holds.
    ///
    /// A bucket that is made larger takes no more tokens in advance than it did. That of a key is made anew when it was idle for long
    /// ([`Keyed`](crate::Keyed)): what makes it must know the new capacity, too.
    ///
    /// # Errors
    ///
    /// As [`new`](TokenBucket::new); the capacity is what it was then.
    ///
    /// # Examples
    ///
    /// Limits that a plan may change while calls wait for them:
    ///
    /// ```
    /// use mainstay_bucket::{Limits, Rate, TokenBucket};
    ///
    /// let requests = TokenBucket::new(600, Rate::per_minute(600.0)?)?;
    /// let limits = Limits::default().requests(requests.clone());
    ///
    /// requests.set_rate(Rate::per_minute(60.0)?)?;
    /// requests.set_capacity(60)?;
    /// assert_eq!(limits.requests_available(), Some(60));
    /// # Ok::<_, mainstay_bucket::InvalidLimit>(())
    /// ```
    pub fn set_capacity(&self, capacity: u64) -> Result<(), InvalidLimit> {
        self.core.locked(|held| {
            check(capacity, Core::<C>::fills(capacity, held.price_set()))?;
            held.set_capacity(capacity);
            Ok(())
        })
    }

    /// Takes on what was set of another one. As much is gone as was.
    pub(crate) fn replan(&self, like: &Self) {
        let (capacity, price) = like.core.locked(|held| (held.capacity_set(), held.price_set()));
        self.core.locked(|held| held.replan(capacity, price));
    }

    /// Serves nobody until an instant. The bucket refills meanwhile, up to its capacity; of two such instants, the later
    /// counts.
    pub fn pause_until(&self, instant: Instant) {
        self.pause(instant.saturating_duration_since(Instant::now()));
    }

    /// Serves nobody for a while: as [`pause_until`](Self::pause_until).
    pub fn pause(&self, time: Duration) {
        if !time.is_zero() {
            self.core.locked(|held| held.pause(time));
        }
    }

    /// Returns the tokens that are there; what is owed is negative.
    ///
    /// A look from outside: other threads may take them at the same moment.
    pub fn available(&self) -> i64 {
        self.core.available()
    }

    /// Returns the number of those who wait.
    pub fn waiting(&self) -> usize {
        self.core.waiting()
    }

    /// Returns what the bucket holds when it is full.
    pub fn capacity(&self) -> u64 {
        self.core.capacity()
    }

    /// Returns how fast the bucket refills.
    pub fn rate(&self) -> Rate {
        Rate::from_price(self.core.price())
    }

    /// Takes the server at its word, which allows so much a minute: holds and refills no more than that, and never more than was set.
    pub(crate) fn hear(&self, per_minute: u64) {
        match self.core.allowed() {
            0 if !self.core.exceeds(per_minute) => {}
            allowed if allowed == per_minute => self.core.confirm(self.core.now()),
            _ => self.core.locked(|held| held.hear(per_minute)),
        }
    }

    /// Tells whether there is no other handle.
    pub(crate) fn is_only(&self) -> bool {
        Arc::strong_count(&self.core) == 1
    }

    pub(crate) fn core(&self) -> &Core<C> {
        &self.core
    }

    fn build(capacity: u64, rate: Rate, clock: C, stash: Stash) -> Result<Self, InvalidLimit> {
        check(capacity, Core::<C>::fills(capacity, rate.price()))?;
        let core = Core::new(capacity, rate.price(), clock, stash).counting_from_now();
        Ok(Self { core: Arc::new(core) })
    }
}

fn check(capacity: u64, fills: bool) -> Result<(), InvalidLimit> {
    let must = match capacity {
        0 => "at least one token",
        _ if fills => return Ok(()),
        _ => "so small that the bucket fills within a year",
    };
    Err(InvalidLimit::new("capacity", must, capacity))
}

impl<C: Clock> Clone for TokenBucket<C> {
    fn clone(&self) -> Self {
        Self { core: Arc::clone(&self.core) }
    }
}

impl<C: Clock> fmt::Debug for TokenBucket<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenBucket")
            .field("capacity", &self.capacity())
            .field("rate", &self.rate().tokens_per_second())
            .field("available", &self.available())
            .finish_non_exhaustive()
    }
}
