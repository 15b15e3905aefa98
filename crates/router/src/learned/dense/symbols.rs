use super::{log, narrow};

/// The characters of a text, by kind.
#[derive(Default)]
pub(crate) struct Symbols {
    kinds: [u32; KINDS],
    total: u32,
}

const KINDS: usize = 13;

// === impl Symbols ===

impl Symbols {
    pub(crate) fn count(text: &[u8]) -> Self {
        let mut counted = Self::default();
        for byte in text {
            counted.total += 1;
            if let Some(count) = kind(*byte).and_then(|kind| counted.kinds.get_mut(kind)) {
                *count += 1;
            }
        }
        counted
    }

    /// Each kind's share of the text; question marks and line breaks by number.
    pub(crate) fn shares(&self) -> impl Iterator<Item = f32> {
        let total = f64::from(self.total.max(1));
        self.kinds.iter().enumerate().map(move |(kind, count)| match kind {
            4 | 5 | 9 => log(*count as usize),
            // The square root tells one from none better than one from many.
            _ => narrow((f64::from(*count) / total).sqrt()),
        })
    }
}

const fn kind(byte: u8) -> Option<usize> {
    Some(match byte {
        b'0'..=b'9' => 0,
        b'A'..=b'Z' => 1,
        b'+' | b'-' | b'*' | b'/' | b'^' | b'=' | b'<' | b'>' | b'%' => 2,
        b'(' | b')' | b'[' | b']' => 3,
        b'\n' => 4,
        b'?' => 5,
        b',' => 6,
        b'.' => 7,
        b'"' | b'\'' | b'`' => 8,
        b'_' => 9,
        b'{' | b'}' | b';' | b'|' | b'&' | b'#' | b'~' | b'@' => 10,
        b'\\' | b'$' => 11,
        128.. => 12,
        _ => return None,
    })
}
