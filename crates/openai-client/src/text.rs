//! Writes JSON whose long texts are escaped many bytes at a time.
//!
//! Most of a request is prompts, and `serde_json` looks at each of their bytes alone. Its formatter has no say in that, but it is asked
//! how bytes are written: so a text is given to it as bytes, and only to the formatter here, which writes a string of them.

use std::{any::type_name, io};

use serde::{Serialize, Serializer};
use serde_json::ser::{CharEscape, Formatter};

/// Writes bytes as the string that they are.
struct Texts;

type Writer<'a> = &'a mut serde_json::Serializer<&'a mut Vec<u8>, Texts>;

/// A text of any length, to be written quickly.
pub(crate) struct Long<'a>(pub(crate) &'a str);

/// How many bytes are looked at together.
const WORD: usize = size_of::<u64>();

/// Writes a body, most of which fit into what is taken for it at first.
pub(crate) fn json(body: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut json = Vec::with_capacity(4 << 10);
    body.serialize(&mut serde_json::Serializer::with_formatter(&mut json, Texts))?;
    Ok(json)
}

/// Writes a text: as bytes to the formatter here, and as what it is to all others.
pub(crate) fn serialize<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    // A compiler that tells more of a type's name than its path only makes this slow.
    if type_name::<S>() == type_name::<Writer<'_>>() {
        serializer.serialize_bytes(text.as_bytes())
    } else {
        serializer.serialize_str(text)
    }
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
/// A byte from which more is subtracted than it holds takes from those above it, so that only the lowest of the marks is sure: see "Determine
/// if a word has a zero byte" and "a byte less than n" in Anderson, Bit Twiddling Hacks.
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

fn escape(byte: u8) -> CharEscape {
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

// === impl Texts ===

impl Formatter for Texts {
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

// === impl Long ===

impl Serialize for Long<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(self.0, serializer)
    }
}
