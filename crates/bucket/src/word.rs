use crate::price::Ticks;

/// The balance in one word: the instant at which the bucket will be full, and the bit that says who may move it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word(u64);

// === impl Word ===

impl Word {
    /// The bit: only who has the lock may move the instant.
    pub(crate) const HELD: u64 = 1;

    /// The instant must be one of 63 bits: at most [`LAST`](crate::price::LAST).
    pub(crate) const fn new(full_at: Ticks, held: bool) -> Self {
        Self(full_at << 1 | held as u64)
    }

    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    pub(crate) const fn full_at(self) -> Ticks {
        self.0 >> 1
    }

    pub(crate) const fn held(self) -> bool {
        self.0 & Self::HELD != 0
    }
}
