//! A bucket without its handle: the balance, the stash and the line, and how they stay one.
//!
//! The balance is one instant, the one at which the bucket will be full (GCRA's theoretical arrival time): a token taken
//! moves it on by the token's price in time. Tokens are there while it is less than the capacity's price ahead of now; when
//! it is further ahead, the bucket is in debt. It shares a word with one bit: *held*. While the bit is not set, anyone
//! moves the instant by compare-and-swap, and threads fill their places in the stash. While it is set, the stash is
//! closed and empty, and only who holds the line's lock moves the instant: so it is when somebody waits, and while
//! paused. Thus nobody passes those who wait, and the path that does not wait takes no lock.
//!
//! As with a semaphore, what a thread has done before it puts tokens back is seen by the one who takes them, whether they went by
//! the balance or by a place.
//!
//! The bound: balance and stash together never exceed the capacity. The balance refills while tokens lie in the stash, so
//! as long as a place is open, the balance counts as full when it lacks what the open places could hold.

use std::{
    sync::{
        OnceLock, PoisonError,
        atomic::Ordering::{AcqRel, Acquire, Relaxed, Release},
    },
    time::Duration,
};

use crate::{
    Clock,
    clock::Frozen,
    held::{BELIEVED, Held},
    limits::MINUTE,
    line::Line,
    price::{LAST, LONGEST, Price, Ticks, ticks, time},
    settle::LONGEST_PAUSE,
    stash::Stash,
    sync::{AtomicU64, Mutex, MutexGuard},
    word::Word,
};

/// For how long settled calls may lock others out, if the bucket does not take longer to fill.
const LONGEST_DEBT: Ticks = ticks(LONGEST_PAUSE);

pub(crate) struct Core<C> {
    word: AtomicU64,
    price: AtomicU64,
    capacity: AtomicU64,
    /// What the server allows a minute, where that is less than was set; zero while it is not.
    allowed: AtomicU64,
    /// When it said so last.
    confirmed: AtomicU64,
    /// Whether time refills it, or only refunds.
    refills: bool,
    pub(crate) stash: Stash,
    clock: C,
    /// The seconds of the clock that are not counted: of one that counts from 1970, nearly all.
    origin: u32,
    /// Made for the first who needs it: most of many buckets never do.
    line: OnceLock<Box<Mutex<Line>>>,
}

// === impl Core ===

impl<C> Core<C> {
    /// A full bucket.
    pub(crate) fn new(capacity: u64, price: Price, clock: C, stash: Stash) -> Self {
        let (word, price) = (AtomicU64::new(0), AtomicU64::new(price.bits()));
        let (capacity, allowed, confirmed) = (AtomicU64::new(capacity), AtomicU64::new(0), AtomicU64::new(0));
        let line = OnceLock::new();
        Self { word, price, capacity, allowed, confirmed, refills: true, stash, clock, origin: 0, line }
    }

    pub(crate) const fn refills(&self) -> bool {
        self.refills
    }

    /// Tells whether a bucket would be full again within a year.
    pub(crate) fn fills(capacity: u64, price: Price) -> bool {
        price.cost(capacity) <= LONGEST
    }

    #[cfg(all(test, mainstay_loom))]
    pub(crate) const fn clock(&self) -> &C {
        &self.clock
    }

    pub(crate) fn capacity(&self) -> u64 {
        self.capacity.load(Relaxed)
    }

    pub(crate) fn set_capacity(&self, capacity: u64) {
        self.capacity.store(capacity, Relaxed);
    }

    /// What the server allows a minute, where that is less than was set; zero while it is not.
    pub(crate) fn allowed(&self) -> u64 {
        self.allowed.load(Relaxed)
    }

    pub(crate) fn set_allowed(&self, per_minute: u64) {
        self.allowed.store(per_minute, Relaxed);
    }

    /// Tells whether it holds more, or refills by more in a minute.
    pub(crate) fn exceeds(&self, per_minute: u64) -> bool {
        per_minute < self.capacity() || self.price().cost(per_minute) < ticks(MINUTE)
    }

    /// When the server said last that it allows less; zero while it has not.
    pub(crate) fn confirmed(&self) -> Ticks {
        self.confirmed.load(Relaxed)
    }

    /// Takes note that the server has said now that it allows less.
    pub(crate) fn confirm(&self, now: Ticks) {
        self.confirmed.store(now.max(1), Relaxed);
    }

    /// Takes note that what the server said holds no more.
    pub(crate) fn forget(&self) {
        self.allowed.store(0, Relaxed);
        self.confirmed.store(0, Relaxed);
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

    pub(crate) fn word(&self) -> Word {
        Word::from_bits(self.word.load(Acquire))
    }

    pub(crate) fn full_at(&self) -> Ticks {
        self.word().full_at()
    }

    /// Changes the word from what it was; tells whether it still was that.
    pub(crate) fn exchange(&self, from: Word, to: Word) -> bool {
        self.word.compare_exchange(from.bits(), to.bits(), AcqRel, Relaxed).is_ok()
    }

    /// Sets the bit; returns the word as it was.
    pub(crate) fn hold(&self) -> Word {
        Word::from_bits(self.word.fetch_or(Word::HELD, Acquire))
    }

    /// Moves the instant. For who has the lock while the bit is set: nobody else writes then.
    pub(crate) fn put(&self, full_at: Ticks, held: bool) {
        self.word.store(Word::new(full_at, held).bits(), Release);
    }
}

impl Core<Frozen> {
    /// A balance that only refunds refill.
    pub(crate) fn semaphore(permits: u64) -> Self {
        Self { refills: false, ..Self::new(permits, Price::UNIT, Frozen, Stash::none()) }
    }

    /// Changes how many there are. Those that are out stay out, also where they are more. As that moves no balance, whoever has
    /// seen it before and takes one only now might as well have taken it before.
    pub(crate) fn set_permits(&self, permits: u64) {
        self.locked(|_| self.set_capacity(permits));
    }
}

impl<C: Clock> Core<C> {
    /// Counts the clock's time from now on, and a year before, by which it may run backwards: instants reach no further than 18 years.
    pub(crate) fn counting_from_now(self) -> Self {
        let origin = self.clock.elapsed().saturating_sub(time(LONGEST)).as_secs();
        Self { origin: u32::try_from(origin).unwrap_or(u32::MAX), ..self }
    }

    /// The clock's time and one tick, so that there is an instant before a new bucket's first.
    pub(crate) fn now(&self) -> Ticks {
        let elapsed = self.clock.elapsed().saturating_sub(Duration::from_secs(self.origin.into()));
        ticks(elapsed).saturating_add(1).min(LAST)
    }

    /// Puts tokens back. They fill the bucket at most.
    pub(crate) fn refund(&self, tokens: u64) {
        if self.stash.put(tokens) {
            return;
        }
        if self.change(|full_at, price| full_at.saturating_sub(price.cost(tokens))).is_none() {
            self.locked(|held| held.refund(tokens));
        }
    }

    /// Takes tokens whether they are there or not.
    pub(crate) fn charge(&self, tokens: u64) {
        self.charge_within(tokens, |_| LAST);
    }

    /// As [`charge`](Self::charge), for what others say was used. By it nobody waits for longer than an hour, or than the bucket
    /// takes to fill: more is hardly true.
    pub(crate) fn charge_used(&self, tokens: u64) {
        self.charge_within(tokens, |price| LONGEST_DEBT.max(price.cost(self.capacity()).saturating_mul(2)));
    }

    /// Takes tokens whether they are there or not, until it is full only after so long.
    fn charge_within(&self, tokens: u64, longest: impl Fn(Price) -> Ticks) {
        let now = self.now();
        let changed = self.change(|full_at, price| {
            let base = full_at.max(now.saturating_add(price.cost(self.stash.reach())));
            let most = base.max(now.saturating_add(longest(price)));
            base.saturating_add(price.cost(tokens)).min(most).min(LAST)
        });
        match changed {
            None => self.locked(|held| held.charge(tokens, longest)),
            // In debt nobody may take, from the stash neither.
            Some((full_at, price))
                if full_at > now + price.cost(self.capacity()) && self.stash.reach() > 0 =>
            {
                self.locked(|_| ());
            }
            Some(_) => {}
        }
    }

    /// Tells whether it ever holds so many. Where it would if it were not for what the server said long ago, that is forgotten.
    #[inline]
    pub(crate) fn fits(&self, tokens: u64) -> bool {
        tokens <= self.capacity() || (self.widen_if_stale() && tokens <= self.capacity())
    }

    /// Forgets what the server said of its limit if it has not said so for long; tells whether that was so.
    pub(crate) fn widen_if_stale(&self) -> bool {
        let confirmed = self.confirmed();
        let stale = confirmed != 0 && self.now().saturating_sub(confirmed) >= BELIEVED;
        if stale {
            self.locked(|held| held.doubt(confirmed));
        }
        stale
    }

    /// What is there, and lies in the stash; negative when in debt.
    pub(crate) fn available(&self) -> i64 {
        let (now, price) = (self.now(), self.price());
        let base = self.full_at().max(now.saturating_add(price.cost(self.stash.reach())));
        let limit = now.saturating_add(price.cost(self.capacity()));
        let there = price.tokens(limit.saturating_sub(base)).saturating_add(self.stash.tokens());
        let owed = price.tokens_begun(base.saturating_sub(limit));
        let signed = |tokens| i64::try_from(tokens).unwrap_or(i64::MAX);
        signed(there).saturating_sub(signed(owed))
    }

    /// How long nothing has been missing; `None` while something is, somebody waits, or it is paused.
    pub(crate) fn full_for(&self) -> Option<Duration> {
        if self.word().held() || self.stash.reach() > 0 {
            // Nobody else may have noticed that a pause is over; and what was taken from the places shows when they are closed.
            self.locked(|_| ());
        }
        let word = self.word();
        let since = self.now().checked_sub(word.full_at()).filter(|_| !word.held())?;
        Some(if self.refills { time(since) } else { Duration::MAX })
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

    /// Moves the instant by compare-and-swap; returns where to and at what price, or `None` while the bit is set.
    ///
    /// The price is read after the word, and so is the capacity elsewhere: who changes either changes the word too, and then
    /// this tries again.
    fn change(&self, to: impl Fn(Ticks, Price) -> Ticks) -> Option<(Ticks, Price)> {
        loop {
            let (word, price) = (self.word(), self.price());
            if word.held() {
                return None;
            }
            let full_at = to(word.full_at(), price);
            if self.exchange(word, Word::new(full_at, false)) {
                return Some((full_at, price));
            }
        }
    }
}
