//! Small stocks of tokens taken in advance, so that threads do not fight over the one balance.
//!
//! Each thread has a place of its own (threads beyond the number of places share). A taking from it is one atomic step on a
//! cache line that nobody else writes, and reads no clock. What lies in a place has left the balance already.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use crossbeam_utils::CachePadded;

use crate::sync::{AtomicU64, number, places, spin_loop, yield_now};

/// A place that takes no part: it holds nothing, and must be opened before it may.
const CLOSED: u64 = 0;
/// A place whose thread is about to fill it, or to leave it as it was.
const FILLING: u64 = 1;
/// An open place with nothing in it; `OPEN + n` holds `n` tokens.
const OPEN: u64 = 2;

/// At most a sixteenth of the capacity lies in places.
const SHARE: u64 = 16;
/// Filling a place costs more than it saves below this size.
const SMALLEST: u64 = 8;
const LARGEST: u64 = 1 << 16;

pub(crate) struct Stash {
    /// The one place of all threads: it saves them the clock. Then there are no others.
    shared: Option<AtomicU64>,
    places: Box<[CachePadded<AtomicU64>]>,
    /// The most that one place holds; none, while the bucket is too small for them.
    size: AtomicU64,
    /// The same, while it is not.
    full_size: u64,
}

/// The right to fill a place. It is marked until [`fill`](Self::fill) or until this is dropped.
pub(crate) struct Filling<'a> {
    place: &'a AtomicU64,
    before: u64,
    size: u64,
}

/// What [`Stash::close`] found.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Closed {
    /// The most that the places could hold.
    pub(crate) reach: u64,
    /// What they did hold.
    pub(crate) tokens: u64,
}

// === impl Stash ===

impl Stash {
    /// A stash with a place for each thread that can run, for a bucket of this capacity; without any where it is too small
    /// to gain by it.
    pub(crate) fn new(capacity: u64) -> Self {
        let places = places();
        Self::sized(capacity, places, || Self {
            places: (0..places).map(|_| CachePadded::new(AtomicU64::new(CLOSED))).collect(),
            ..Self::none()
        })
    }

    /// A stash with one place for all threads, without padding.
    pub(crate) fn compact(capacity: u64) -> Self {
        Self::sized(capacity, 1, || Self { shared: Some(AtomicU64::new(CLOSED)), ..Self::none() })
    }

    pub(crate) fn none() -> Self {
        Self { shared: None, places: Box::default(), size: AtomicU64::new(0), full_size: 0 }
    }

    fn sized(capacity: u64, places: usize, make: impl FnOnce() -> Self) -> Self {
        let size = (capacity / SHARE / places as u64).min(LARGEST);
        if size < SMALLEST {
            Self::none()
        } else {
            Self { size: AtomicU64::new(size), full_size: size, ..make() }
        }
    }

    /// Takes from this thread's place, if it holds enough.
    pub(crate) fn take(&self, tokens: u64) -> bool {
        let Some(place) = self.place() else { return false };
        let mut held = place.load(Relaxed);
        while held >= tokens.saturating_add(OPEN) {
            match place.compare_exchange_weak(held, held - tokens, AcqRel, Relaxed) {
                Ok(_) => return true,
                Err(now) => held = now,
            }
        }
        false
    }

    /// Puts tokens back into this thread's place, if it is open and has room.
    pub(crate) fn put(&self, tokens: u64) -> bool {
        let Some(place) = self.place() else { return false };
        let mut held = place.load(Relaxed);
        while held >= OPEN && tokens <= self.size().saturating_sub(held - OPEN) {
            match place.compare_exchange_weak(held, held + tokens, AcqRel, Relaxed) {
                Ok(_) => return true,
                Err(now) => held = now,
            }
        }
        false
    }

    /// Tells whether takings of this size are worth a stash.
    pub(crate) fn suits(&self, tokens: u64) -> bool {
        tokens <= self.size() / 4
    }

    /// Lets places be opened again, if all of them together are small enough for a bucket of this capacity: otherwise none is. For who has
    /// closed them all, keeps them closed, and moves the balance.
    ///
    /// Whoever marks a place meanwhile finds the balance moved, looks again whether it [`suits`](Self::suits), and leaves it closed.
    pub(crate) fn resize(&self, capacity: u64) {
        let most = (self.full_size * self.all().count() as u64).saturating_mul(SHARE);
        self.size.store(if most <= capacity { self.full_size } else { 0 }, Relaxed);
    }

    fn size(&self) -> u64 {
        self.size.load(Relaxed)
    }

    /// Marks this thread's place for filling, unless another thread that shares it does so.
    pub(crate) fn begin(&self) -> Option<Filling<'_>> {
        let place = self.place()?;
        let before = place.load(Relaxed);
        if before == FILLING {
            return None;
        }
        place.compare_exchange(before, FILLING, AcqRel, Relaxed).ok()?;
        Some(Filling { place, before, size: self.size() })
    }

    /// The most that all open places could hold, and those which are being filled, perhaps opened thereby: whether their tokens
    /// have left the balance yet cannot be seen from outside, so they count from the moment at which they are marked.
    pub(crate) fn reach(&self) -> u64 {
        self.all().filter(|place| place.load(Acquire) != CLOSED).count() as u64 * self.size()
    }

    /// What all open places hold now.
    pub(crate) fn tokens(&self) -> u64 {
        self.all().map(|place| place.load(Acquire).saturating_sub(OPEN)).sum()
    }

    /// Empties and closes all places. Waits for a thread that is filling one: that takes it some ten instructions. Without the
    /// wait, the place would be opened behind the back of who closed it, and be taken from while others wait.
    pub(crate) fn close(&self) -> Closed {
        let mut closed = Closed::default();
        for place in self.all() {
            let held = close(place);
            if held != CLOSED {
                closed.reach += self.size();
                closed.tokens += held - OPEN;
            }
        }
        closed
    }

    fn all(&self) -> impl Iterator<Item = &AtomicU64> {
        self.shared.iter().chain(self.places.iter().map(|place| &**place))
    }

    #[inline]
    fn place(&self) -> Option<&AtomicU64> {
        if let Some(shared) = &self.shared {
            return Some(shared);
        }
        // The number of places is a power of two.
        self.places.get(number() & self.places.len().wrapping_sub(1)).map(|place| &**place)
    }
}

fn close(place: &AtomicU64) -> u64 {
    for spins in 0u32.. {
        let held = place.load(Relaxed);
        if held != FILLING && place.compare_exchange(held, CLOSED, AcqRel, Relaxed).is_ok() {
            return held;
        }
        if spins < 64 { spin_loop() } else { yield_now() }
    }
    CLOSED
}

// === impl Filling ===

impl Filling<'_> {
    /// How many tokens fit into the place.
    pub(crate) const fn room(&self) -> u64 {
        self.size - self.before.saturating_sub(OPEN)
    }

    /// The part of [`Stash::reach`] that this place adds only now.
    pub(crate) const fn opened(&self) -> u64 {
        if self.before == CLOSED { self.size } else { 0 }
    }

    /// Fills the place with the tokens for which it had room.
    pub(crate) fn fill(mut self) {
        self.before = OPEN + self.size;
    }
}

impl Drop for Filling<'_> {
    fn drop(&mut self) {
        self.place.store(self.before, Release);
    }
}
