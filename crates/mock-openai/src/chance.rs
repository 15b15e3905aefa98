//! Chance without a shared sequence.
//!
//! A random number generator shared by concurrent requests gives each the number that its turn happens to draw, so two
//! runs differ. Here a number is the hash of what it is for: the seed, the model, the request, how often that request
//! was seen, and what is being drawn. The order of arrival does not matter.

/// A number that depends on everything which was mixed in, in the order in which it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chance(u64);

/// What one call draws a number for: each has a chance of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Id,
    Fault,
    Latency,
    Token,
    Break,
}

// === impl Chance ===

impl Chance {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(mix(0x6a09_e667_f3bc_c908, seed))
    }

    /// The chance of one part of what `self` stands for.
    #[must_use]
    pub(crate) const fn of(self, part: u64) -> Self {
        Self(mix(self.0, part))
    }

    #[must_use]
    pub(crate) const fn to(self, purpose: Purpose) -> Self {
        self.of(purpose as u64)
    }

    /// Uniform in [0, 1).
    pub(crate) fn unit(self) -> f64 {
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in `0..bound`; 0 if `bound` is 0.
    pub(crate) fn below(self, bound: u64) -> u64 {
        self.0.checked_rem(bound).unwrap_or(0)
    }

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }
}

/// Hashes bytes, eight at a time; the same on every machine and in every release.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    let mut state = mix(0xbb67_ae85_84ca_a73b, bytes.len() as u64);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        state = mix(state, u64::from_le_bytes(*word));
    }
    rest.iter().fold(state, |state, byte| mix(state, u64::from(*byte)))
}

/// Stirs `word` into `state`, with the finaliser of `SplitMix64` (Steele, Lea and Flood, 2014).
pub(crate) const fn mix(state: u64, word: u64) -> u64 {
    let mut z = state.rotate_left(23).wrapping_add(0x9e37_79b9_7f4a_7c15) ^ word;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
