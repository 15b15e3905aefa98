use super::{log, narrow, share, words::Seen};
use crate::learned::tokens::split;

/// The choices that a text offers, such as lines that begin with `A.`, `B.`, …
pub(crate) struct Choices<'a> {
    /// What comes before them.
    pub(crate) question: &'a [u8],
    all: [&'a [u8]; MOST],
    count: usize,
}

const MOST: usize = 10;

// === impl Choices ===

impl<'a> Choices<'a> {
    /// Finds lines that begin with A, B, … in this order: at least two.
    pub(crate) fn find(text: &'a [u8]) -> Option<Self> {
        let mut found = Self { question: text, all: [&[]; MOST], count: 0 };
        let mut at = 0;
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            if let Some(choice) = choice(line, found.count) {
                if found.count == 0 {
                    found.question = text.get(..at)?;
                }
                if let Some(slot) = found.all.get_mut(found.count) {
                    *slot = choice.trim_ascii();
                    found.count += 1;
                }
            }
            at += line.len();
        }
        (found.count >= 2).then_some(found)
    }

    fn iter(&self) -> impl Iterator<Item = &'a [u8]> + Clone + '_ {
        self.all.iter().take(self.count).copied()
    }

    /// What can be told from them, in a text of this length.
    pub(crate) fn features(&self, text: usize) -> [f32; 13] {
        let lengths = || self.iter().map(<[u8]>::len);
        let (total, count) = (lengths().sum::<usize>(), self.count);
        let mean = total as f64 / count as f64;
        let (shortest, longest) = (lengths().min().unwrap_or(0), lengths().max().unwrap_or(0));
        let of = |is: fn(&[u8]) -> bool| {
            share(small(self.iter().filter(|choice| is(choice)).count()), small(count))
        };
        let (likeness, within) = self.likenesses();
        [
            log(count),
            narrow(mean.ln_1p()),
            log(shortest),
            narrow((longest - shortest) as f64 / (longest as f64 + 1.0)),
            of(|choice| choice.iter().any(u8::is_ascii_digit)),
            of(|choice| split(choice).count() <= 1),
            likeness,
            within,
            of(is_of_the_above),
            log(self.question.len()),
            narrow(total as f64 / text.max(1) as f64),
            of(|choice| choice.first().is_some_and(u8::is_ascii_uppercase)),
            of(|choice| choice.iter().any(|byte| b"=+*/^<>\\$(".contains(byte))),
        ]
    }

    /// How alike neighbours are, and how much of them is in the question.
    fn likenesses(&self) -> (f32, f32) {
        let question = Seen::of(self.question);
        let (mut likeness, mut within, mut before) = (0.0, 0.0, None);
        for choice in self.iter() {
            let seen = Seen::of(choice);
            within += seen.within(&question);
            likeness += before.replace(seen).map_or(0.0, |before| seen.likeness(&before));
        }
        let count = narrow(self.count as f64);
        (likeness / (count - 1.0), within / count)
    }
}

/// What comes after the letter of the choice with this index, as in `B. …`, `B) …`, `(B) …`, `B: …`.
fn choice(line: &[u8], index: usize) -> Option<&[u8]> {
    let line = line.trim_ascii_start();
    let line = line.strip_prefix(b"(").unwrap_or(line);
    let letter = b'A' + u8::try_from(index).ok().filter(|index| usize::from(*index) < MOST)?;
    match line {
        [first, b'.' | b')' | b':', rest @ ..] if *first == letter => Some(rest),
        _ => None,
    }
}

fn is_of_the_above(choice: &[u8]) -> bool {
    split(choice).last().is_some_and(|word| word.eq_ignore_ascii_case(b"above"))
        || split(choice).next().is_some_and(|word| word.eq_ignore_ascii_case(b"both"))
}

fn small(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
