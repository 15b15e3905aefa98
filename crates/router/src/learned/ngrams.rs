//! The words of a text, pairs of them, and runs of characters, as numbers.

use super::dense::READ;

/// Takes what is found in a text.
pub(crate) trait Visit {
    /// A word.
    fn word(&mut self, hash: u32);
    /// Two neighbours.
    fn pair(&mut self, hash: u32);
    /// Three to five characters of a word, its bounds included.
    fn run(&mut self, hash: u32);
}

const SHORTEST: usize = 3;
const LONGEST: usize = 5;
const WORD_SEED: u32 = 0x9E37_79B9;
const PAIR_SEED: u32 = 0x85EB_CA6B;
const RUN_SEED: u32 = 0xC2B2_AE35;

/// Visits all words, pairs and runs in what is read of a text. Case does not count, and all digits are alike: numbers are known
/// by their length.
pub(crate) fn scan(text: &str, visit: &mut impl Visit) {
    let bytes = text.as_bytes();
    let bytes = bytes.get(..READ).unwrap_or(bytes);
    let mut before = None;
    for word in bytes.split(|byte| !is_letter(*byte)).filter(|word| !word.is_empty()) {
        let hash = whole(word);
        visit.word(hash);
        if let Some(before) = before.replace(hash) {
            visit.pair(finish(step_word(before ^ PAIR_SEED, hash)));
        }
        runs(word, visit);
    }
}

/// The hash of a word.
pub(crate) fn whole(word: &[u8]) -> u32 {
    finish(word.iter().fold(WORD_SEED, |hash, byte| step(hash, folded(*byte))))
}

fn runs(word: &[u8], visit: &mut impl Visit) {
    let at = |index: usize| match index.checked_sub(1) {
        None => Some(b' '),
        Some(index) if index == word.len() => Some(b' '),
        Some(index) => word.get(index).copied().map(folded),
    };
    for start in 0..word.len() {
        let mut hash = RUN_SEED;
        for length in 1..=LONGEST {
            let Some(byte) = at(start + length - 1) else { break };
            hash = step(hash, byte);
            if length >= SHORTEST {
                visit.run(finish(hash));
            }
        }
    }
}

pub(crate) const fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii()
}

const fn folded(byte: u8) -> u8 {
    if byte.is_ascii_digit() { b'0' } else { byte.to_ascii_lowercase() }
}

/// FNV-1a: the same on every machine and in every version, since the numbers are in files.
const fn step(hash: u32, byte: u8) -> u32 {
    (hash ^ byte as u32).wrapping_mul(0x0100_0193)
}

const fn step_word(hash: u32, word: u32) -> u32 {
    (hash ^ word).wrapping_mul(0x0100_0193)
}

/// Spreads what differs over all bits.
const fn finish(hash: u32) -> u32 {
    let hash = (hash ^ (hash >> 15)).wrapping_mul(0x2C1B_3C6D);
    hash ^ (hash >> 13)
}
