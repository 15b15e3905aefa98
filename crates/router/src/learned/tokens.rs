//! The words of a text, as numbers.

use super::dense::READ;

/// The words in what is read of a text.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &[u8]> {
    let bytes = text.as_bytes();
    split(bytes.get(..READ).unwrap_or(bytes))
}

/// The words of a text.
pub(crate) fn split(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| !is_letter(*byte)).filter(|word| !word.is_empty())
}

/// The number of a word: FNV-1a, the same on every machine and in every version, since the numbers are in files. Case does not
/// count, and all digits are alike: numbers are known by their length.
pub(crate) fn hash(word: &[u8]) -> u32 {
    let step = |hash: u32, byte: &u8| (hash ^ u32::from(folded(*byte))).wrapping_mul(0x0100_0193);
    finish(word.iter().fold(0x9E37_79B9, step))
}

const fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii()
}

const fn folded(byte: u8) -> u8 {
    if byte.is_ascii_digit() { b'0' } else { byte.to_ascii_lowercase() }
}

/// Spreads what differs over all bits.
const fn finish(hash: u32) -> u32 {
    let hash = (hash ^ (hash >> 15)).wrapping_mul(0x2C1B_3C6D);
    hash ^ (hash >> 13)
}
