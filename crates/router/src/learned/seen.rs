/// Which buckets have been seen in a text: each counts once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<const WORDS: usize>([u64; WORDS]);

// === impl Seen ===

impl<const WORDS: usize> Seen<WORDS> {
    pub(crate) const fn new() -> Self {
        Self([0; WORDS])
    }

    /// Whether it is the first time.
    pub(crate) fn insert(&mut self, bucket: u32) -> bool {
        let Some(word) = self.0.get_mut(bucket as usize / 64) else { return false };
        let bit = 1 << (bucket % 64);
        let first = *word & bit == 0;
        *word |= bit;
        first
    }
}
