use super::{
    log, narrow, share,
    vocabulary::{LONGEST, SIGNS, Sign, sign},
};
use crate::learned::tokens::{hash, split};

/// The words of a text, by kind.
#[derive(Default)]
pub(crate) struct Words {
    count: u32,
    letters: u32,
    longest: usize,
    long: u32,
    signs: [u32; SIGNS],
    capitalised: u32,
    acronyms: u32,
    singles: u32,
    numbers: u32,
    seen: Seen,
    opens_with_question: bool,
}

/// Which words there are, roughly: a bit for each of 512 buckets.
#[derive(Clone, Copy, Default)]
pub(crate) struct Seen([u64; 8]);

// === impl Words ===

impl Words {
    /// Counts the words of a text. A text opens as its question does.
    pub(crate) fn count(text: &[u8], question: &[u8]) -> Self {
        let mut words = Self::default();
        for word in split(text) {
            words.add(word);
        }
        words.opens_with_question = split(question).next().and_then(sign_of) == Some(Sign::Question);
        words
    }

    fn add(&mut self, word: &[u8]) {
        self.count += 1;
        self.letters = self.letters.saturating_add(u32::try_from(word.len()).unwrap_or(u32::MAX));
        self.longest = self.longest.max(word.len());
        self.long += u32::from(word.len() >= 9);
        self.singles += u32::from(word.len() == 1);
        self.seen.insert(word);
        if let Some(count) = sign_of(word).and_then(|sign| self.signs.get_mut(sign as usize)) {
            *count += 1;
        }
        match word {
            [b'0'..=b'9', ..] => self.numbers += 1,
            [b'A'..=b'Z', b'A'..=b'Z', ..] => self.acronyms += 1,
            [b'A'..=b'Z', _, ..] => self.capitalised += 1,
            _ => {}
        }
    }

    /// How many there are, and how long.
    pub(crate) fn size(&self) -> [f32; 4] {
        [
            log(self.count as usize),
            share(self.letters, self.count),
            log(self.longest),
            share(self.long, self.count),
        ]
    }

    /// The shares of each kind.
    pub(crate) fn shares(&self) -> impl Iterator<Item = f32> {
        let [stop, negation, superlative, pronoun, question, condition, quantity, statement, code, rule] =
            self.signs.map(|count| narrow((f64::from(count) / f64::from(self.count.max(1))).sqrt()));
        let counted = [self.capitalised, self.acronyms, self.singles, self.numbers]
            .map(|count| share(count, self.count));
        let variety = share(self.seen.len(), self.count);
        [stop, negation, superlative, pronoun, question, condition, quantity, statement]
            .into_iter()
            .chain(counted)
            .chain([variety, code, rule, f32::from(u8::from(self.opens_with_question))])
    }
}

// === impl Seen ===

impl Seen {
    pub(crate) fn of(text: &[u8]) -> Self {
        let mut seen = Self::default();
        split(text).for_each(|word| seen.insert(word));
        seen
    }

    fn insert(&mut self, word: &[u8]) {
        let bit = hash(word) % 512;
        if let Some(bits) = self.0.get_mut((bit / 64) as usize) {
            *bits |= 1 << (bit % 64);
        }
    }

    fn len(&self) -> u32 {
        self.0.iter().map(|bits| bits.count_ones()).sum()
    }

    /// How many of the words are in both, as a share of those that are in any.
    pub(crate) fn likeness(&self, other: &Self) -> f32 {
        let count = |op: fn(u64, u64) -> u64| {
            self.0.iter().zip(&other.0).map(|(one, other)| op(*one, *other).count_ones()).sum::<u32>()
        };
        share(count(|one, other| one & other), count(|one, other| one | other))
    }

    /// How many of the words are in the other, as a share of all.
    pub(crate) fn within(&self, other: &Self) -> f32 {
        share(self.0.iter().zip(&other.0).map(|(one, other)| (one & other).count_ones()).sum(), self.len())
    }
}

fn sign_of(word: &[u8]) -> Option<Sign> {
    let mut small = [0; LONGEST];
    let small = small.get_mut(..word.len())?;
    small.copy_from_slice(word);
    small.make_ascii_lowercase();
    sign(small)
}
