//! Writes JSON whose long texts are escaped a word at a time.
//!
//! Most of a request is prompts, and `serde_json` looks at each of their bytes alone. Its formatter has no say in that, but it is asked
//! how bytes are written: so a text is given to it as bytes, and only to the formatter here, which writes a string of them.

use std::{any::type_name, io};

use serde::{Serialize, Serializer};
use serde_json::ser::{CharEscape, Formatter};

/// A text of any length, to be written quickly.
pub(crate) struct Long<'a>(pub(crate) &'a str);

/// Takes bytes for the text that they are.
struct WordByWord;

const WORD: usize = size_of::<u64>();

/// Writes a body, most of which fit into what is taken for it at first.
pub(crate) fn json(body: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut json = Vec::with_capacity(4 << 10);
    body.serialize(&mut serde_json::Serializer::with_formatter(&mut json, WordByWord))?;
    Ok(json)
}

/// Writes a text: as bytes to the formatter here, and as what it is to all others.
pub(crate) fn serialize<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    if is_word_by_word::<S>() {
        serializer.serialize_bytes(text.as_bytes())
    } else {
        serializer.serialize_str(text)
    }
}

/// The same for several.
pub(crate) fn serialize_all<S: Serializer>(texts: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(texts.iter().map(|text| Long(text)))
}

/// Whether a serializer is that of [`json`]. Compilers may tell more of a type's name than its path: that would only be slow.
fn is_word_by_word<S>() -> bool {
    type Ours<'a> = &'a mut serde_json::Serializer<&'a mut Vec<u8>, WordByWord>;
    type_name::<S>() == type_name::<Ours<'_>>()
}

/// How many bytes come before the first one that is escaped.
fn plain(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks();
    let found = words.iter().enumerate().find_map(|(at, word)| Some(at * WORD + first(*word)?));
    found.unwrap_or_else(|| {
        let escaped = rest.iter().position(|byte| is_escaped(*byte));
        bytes.len() - rest.len() + escaped.unwrap_or(rest.len())
    })
}

/// Where the first byte of a word is that is escaped.
///
/// A byte from which more is subtracted than it holds takes from those above it, so that only the lowest of the marks is sure: see
/// "Determine if a word has a zero byte" and "a byte less than n" in Anderson, Bit Twiddling Hacks.
const fn first(word: [u8; WORD]) -> Option<usize> {
    const ALL: u64 = u64::MAX / 0xFF;
    const MARKS: u64 = ALL << 7;

    const fn below(word: u64, bound: u8) -> u64 {
        word.wrapping_sub(ALL * bound as u64) & !word
    }

    let word = u64::from_le_bytes(word);
    let quotes = below(word ^ (ALL * b'"' as u64), 1);
    let backslashes = below(word ^ (ALL * b'\\' as u64), 1);
    let marks = (below(word, b' ') | quotes | backslashes) & MARKS;
    if marks == 0 { None } else { Some(marks.trailing_zeros() as usize / 8) }
}

const fn is_escaped(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\'
}

const fn escape(byte: u8) -> CharEscape {
    match byte {
        b'"' => CharEscape::Quote,
        b'\\' => CharEscape::ReverseSolidus,
        b'\n' => CharEscape::LineFeed,
        b'\r' => CharEscape::CarriageReturn,
        b'\t' => CharEscape::Tab,
        0x08 => CharEscape::Backspace,
        0x0C => CharEscape::FormFeed,
        control => CharEscape::AsciiControl(control),
    }
}

// === impl Long ===

impl Serialize for Long<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(self.0, serializer)
    }
}

// === impl WordByWord ===

impl Formatter for WordByWord {
    fn write_byte_array<W: ?Sized + io::Write>(&mut self, writer: &mut W, text: &[u8]) -> io::Result<()> {
        let mut rest = text;
        writer.write_all(b"\"")?;
        while let Some((before, [byte, after @ ..])) = rest.split_at_checked(plain(rest)) {
            writer.write_all(before)?;
            self.write_char_escape(writer, escape(*byte))?;
            rest = after;
        }
        writer.write_all(rest)?;
        writer.write_all(b"\"")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Says whether it was met by the formatter here.
    struct Probe;

    #[derive(Serialize)]
    struct Nested {
        #[serde(flatten)]
        flat: BTreeMap<&'static str, Vec<Probe>>,
        text: Option<Probe>,
    }

    impl Serialize for Probe {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bool(is_word_by_word::<S>())
        }
    }

    #[test]
    fn the_formatter_is_known_wherever_a_text_stands() {
        let nested = Nested { flat: BTreeMap::from([("flat", vec![Probe])]), text: Some(Probe) };
        assert_eq!(json(&nested).unwrap(), br#"{"flat":[true],"text":true}"#);
        assert_eq!(serde_json::to_string(&nested).unwrap(), r#"{"flat":[false],"text":false}"#);
    }
}
