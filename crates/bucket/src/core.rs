//! A bucket without its handle: the balance, the stash and the line, and how they stay one.
//!
//! The balance is one instant, the one at which the bucket will be full (GCRA's theoretical arrival time): a token taken
//! moves it on by the token's price in time. Tokens are there while it is less than the capacity's price ahead of now; when
//! it is further ahead, the bucket is in debt. It shares a word with one bit: *held*. While the bit is not set, anyone
//! moves the instant by compare-and-swap, and threads fill their places in the stash. While it is set, the stash is
//! closed and empty, and only who holds the line's lock moves the instant: so it is when somebody waits, and while
//! paused. Thus nobody passes those who wait, and the path that does not wait takes no lock.
//!
//! The bound: balance and stash together never exceed the capacity. The balance refills while tokens lie in the stash, so
//! as long as a place is open, the balance counts as full when it lacks what the open places could hold.

use std::{
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{
            AtomicU64,
            Ordering::{AcqRel, Acquire, Relaxed, Release},
        },
    },
    time::Duration,
};

use crate::{
    Clock, TooLarge, TryAcquireError,
    clock::Frozen,
    held::Held,
    line::Line,
    price::{LAST, LONGEST, Price, Ticks, ticks, time},
    stash::{Filling, Stash},
};

pub(crate) struct Core<C> {
    word: AtomicU64,
    price: AtomicU64,
    capacity: u64,
    /// Whether time refills it, or only refunds.
    refills: bool,
    pub(crate) stash: Stash,
    clock: C,
    /// Made for the first who needs it: most of many buckets never do.
    line: OnceLock<Box<Mutex<Line>>>,
}

/// The word: the instant at which the bucket will be full, and the bit.
#[derive(Clone, Copy)]
struct Word(u64);

/// What came of a taking that takes no lock.
enum Taken {
    Yes,
    /// It would be there after a while.
    No(Duration),
    /// Only who has the lock can tell.
    Unknown,
}

// === impl Word ===

impl Word {
    const HELD: u64 = 1;

    const fn new(full_at: Ticks, held: bool) -> Self {
        Self(full_at << 1 | held as u64)
    }

    const fn full_at(self) -> Ticks {
        self.0 >> 1
    }

    const fn held(self) -> bool {
        self.0 & Self::HELD != 0
    }
}

// === impl Core ===

impl<C> Core<C> {
    /// A full bucket.
    pub(crate) fn new(capacity: u64, price: Price, clock: C, stash: Stash) -> Self {
        let (word, price) = (AtomicU64::new(0), AtomicU64::new(price.bits()));
        Self { word, price, capacity, refills: true, stash, clock, line: OnceLock::new() }
    }

    pub(crate) const fn refills(&self) -> bool {
        self.refills
    }

    /// Tells whether a bucket would be full again within a year.
    pub(crate) fn fills(capacity: u64, price: Price) -> bool {
        price.cost(capacity) <= LONGEST
    }

    pub(crate) const fn capacity(&self) -> u64 {
        self.capacity
    }

    pub(crate) fn price(&self) -> Price {
        Price::from_bits(self.price.load(Relaxed))
    }

    pub(crate) fn set_price(&self, price: Price) {
        self.price.store(price.bits(), Relaxed);
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        // A waker that panics does not leave the line half-changed.
        self.line.get_or_init(Box::default).lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn full_at(&self) -> Ticks {
        Word(self.word.load(Acquire)).full_at()
    }

    /// Sets the bit; tells whether it was set.
    pub(crate) fn hold(&self) -> bool {
        Word(self.word.fetch_or(Word::HELD, AcqRel)).held()
    }

    /// Moves the instant. For who has the lock while the bit is set: nobody else writes then.
    pub(crate) fn put(&self, full_at: Ticks, held: bool) {
        self.word.store(Word::new(full_at, held).0, Release);
    }
}

impl Core<Frozen> {
    /// A balance that only refunds refill.
    pub(crate) fn semaphore(permits: u64) -> Self {
        Self { refills: false, ..Self::new(permits, Price::UNIT, Frozen, Stash::none()) }
    }
}

impl<C: Clock> Core<C> {
    pub(crate) fn now(&self) -> Ticks {
        ticks(self.clock.elapsed())
    }

    #[inline]
    pub(crate) fn try_take(&self, tokens: u64) -> Result<(), TryAcquireError> {
        if self.stash.take(tokens) { Ok(()) } else { self.try_take_shared(tokens) }
    }

    /// Puts tokens back. They fill the bucket at most.
    pub(crate) fn refund(&self, tokens: u64) {
        let cost = self.price().cost(tokens);
        if self.change(|full_at| full_at.saturating_sub(cost)).is_none() {
            self.locked(|held| held.refund(tokens));
        }
    }

    /// Takes tokens whether they are there or not.
    pub(crate) fn charge(&self, tokens: u64) {
        let price = self.price();
        let now = self.now();
        let full_at = self.change(|full_at| {
            let base = full_at.max(now.saturating_add(price.cost(self.stash.reach())));
            base.saturating_add(price.cost(tokens)).min(LAST)
        });
        match full_at {
            None => self.locked(|held| held.charge(tokens)),
            // In debt nobody may take, from the stash neither.
            Some(full_at) if full_at > now + price.cost(self.capacity) && self.stash.reach() > 0 => {
                self.locked(|_| ());
            }
            Some(_) => {}
        }
    }

    /// What is there, and lies in the stash; negative when in debt.
    pub(crate) fn available(&self) -> i64 {
        let (now, price) = (self.now(), self.price());
        let base = self.full_at().max(now.saturating_add(price.cost(self.stash.reach())));
        let limit = now.saturating_add(price.cost(self.capacity));
        let there = price.tokens(limit.saturating_sub(base)).saturating_add(self.stash.tokens());
        let owed = price.tokens_begun(base.saturating_sub(limit));
        let signed = |tokens| i64::try_from(tokens).unwrap_or(i64::MAX);
        signed(there).saturating_sub(signed(owed))
    }

    /// Tells whether nothing is taken, nobody waits and nothing is paused.
    pub(crate) fn is_full(&self) -> bool {
        !Word(self.word.load(Acquire)).held()
            && i64::try_from(self.capacity).is_ok_and(|full| self.available() >= full)
    }

    pub(crate) fn waiting(&self) -> usize {
        self.line.get().map_or(0, |_| self.line().len())
    }

    /// Does what needs the lock: sets the bit, does it, serves who can be served, and takes the bit back unless somebody
    /// waits. Wakes whom it served when the lock is free again.
    pub(crate) fn locked<T>(&self, act: impl FnOnce(&mut Held<'_, C>) -> T) -> T {
        let mut line = self.line();
        let mut held = Held::new(self, &mut line);
        held.serve();
        let result = act(&mut held);
        let wakers = held.finish();
        drop(line);
        wakers.wake();
        result
    }

    fn try_take_shared(&self, tokens: u64) -> Result<(), TryAcquireError> {
        if tokens > self.capacity {
            return Err(TooLarge { wanted: tokens, capacity: self.capacity }.into());
        }
        if tokens == 0 {
            return Ok(());
        }
        match self.take_shared(tokens) {
            Taken::Yes => Ok(()),
            Taken::No(wait) => Err(TryAcquireError::NotYet(wait)),
            Taken::Unknown => self.locked(|held| held.take(tokens)).map_err(TryAcquireError::NotYet),
        }
    }

    fn take_shared(&self, tokens: u64) -> Taken {
        let price = self.price();
        let (need, burst) = (price.cost(tokens), price.cost(self.capacity));
        let mut filling = None;
        loop {
            let word = Word(self.word.load(Acquire));
            if word.held() {
                return Taken::Unknown;
            }
            let now = self.now();
            if !self.may_fill(tokens, word.full_at(), now, price) {
                filling = None;
            } else if filling.is_none() {
                filling = self.stash.begin();
            }
            let opened = filling.as_ref().map_or(0, Filling::opened);
            let reach = self.stash.reach() - opened;
            let base = word.full_at().max(now.saturating_add(price.cost(reach)));
            if base.saturating_add(need) > now.saturating_add(burst) {
                let wait = time((base + need).saturating_sub(now + burst));
                return if reach > 0 { Taken::Unknown } else { Taken::No(wait) };
            }
            let extra = filling.as_ref().map_or(0, Filling::room);
            let next = Word::new(base + price.cost(tokens + extra), false);
            if self.word.compare_exchange(word.0, next.0, AcqRel, Relaxed).is_ok() {
                filling.map(Filling::fill);
                return Taken::Yes;
            }
        }
    }

    /// Places are filled while more than a quarter of the capacity is there: below, each token is taken as it comes, so
    /// that none lies in another thread's place when the last are asked for.
    fn may_fill(&self, tokens: u64, full_at: Ticks, now: Ticks, price: Price) -> bool {
        self.stash.suits(tokens)
            && full_at < now.saturating_add(price.cost(self.capacity - self.capacity / 4 - self.stash.size()))
    }

    /// Moves the instant by compare-and-swap; `None` while the bit is set.
    fn change(&self, to: impl Fn(Ticks) -> Ticks) -> Option<Ticks> {
        let moved = self.word.fetch_update(AcqRel, Acquire, |word| {
            let word = Word(word);
            (!word.held()).then(|| Word::new(to(word.full_at()), false).0)
        });
        moved.ok().map(|before| to(Word(before).full_at()))
    }
}
