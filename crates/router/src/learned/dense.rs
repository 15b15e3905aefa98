//! What can be counted in a text: its length, its symbols, its kind of words, and the choices that it offers.

mod choices;
mod marks;
mod numbers;
mod symbols;
mod vocabulary;
mod words;

use choices::Choices;
use marks::Marks;
use numbers::Numbers;
use symbols::Symbols;
use words::Words;

/// How many bytes of a text are read: a decision on a megabyte is not to take longer than one on this.
pub(crate) const READ: usize = 16 * 1024;

/// The features' names, for people.
pub(crate) const NAMES: [&str; COUNT] = [
    "length",
    "words",
    "mean word length",
    "longest word",
    "long words",
    "digits",
    "capitals",
    "arithmetic symbols",
    "brackets",
    "line breaks",
    "question marks",
    "commas",
    "full stops",
    "quotation marks",
    "blanks to fill",
    "code symbols",
    "backslashes and dollars",
    "characters beyond ASCII",
    "stop words",
    "negations",
    "superlatives",
    "pronouns",
    "question words",
    "conditions",
    "quantities asked for",
    "statements to judge",
    "names and capitalised words",
    "acronyms",
    "single letters",
    "numbers",
    "different words",
    "words of code",
    "rules and duties",
    "opening with a question word",
    "numbers to reckon with",
    "largest number",
    "decimals",
    "years",
    "percent signs",
    "dollar signs",
    "equations",
    "opening brackets",
    "hyphens and minus signs",
    "single letters in the question",
    "names in the question",
    "number of choices",
    "length of choices",
    "shortest choice",
    "unevenness of choices",
    "choices with digits",
    "choices of one word",
    "choices like each other",
    "choices like the question",
    "all or none of the above",
    "length of the question",
    "share of choices in the text",
    "choices that are capitalised",
    "choices with symbols",
];

/// How many features there are.
pub(crate) const COUNT: usize = 58;

/// Measures a text. What a text does not have, such as choices, is not a number.
pub(crate) fn measure(text: &str) -> [f32; COUNT] {
    let bytes = text.as_bytes();
    let read = bytes.get(..READ).unwrap_or(bytes);
    let choices = Choices::find(read);
    let question = choices.as_ref().map_or(read, |choices| choices.question);
    let mut values = [f32::NAN; COUNT];
    let symbols = Symbols::count(read);
    let words = Words::count(read, question);
    let found =
        [log(text.len())].into_iter().chain(words.size()).chain(symbols.shares()).chain(words.shares());
    let found = found.chain(Numbers::find(question).features()).chain(Marks::count(question).features());
    let found = found.chain(choices.iter().flat_map(|choices| choices.features(read.len())));
    for (slot, value) in values.iter_mut().zip(found) {
        *slot = value;
    }
    values
}

/// A part of a whole; 0 of nothing.
fn share(part: u32, whole: u32) -> f32 {
    if whole == 0 { 0.0 } else { narrow(f64::from(part) / f64::from(whole)) }
}

/// The logarithm of one more than a number.
fn log(count: usize) -> f32 {
    narrow((count as f64).ln_1p())
}

#[expect(clippy::cast_possible_truncation, reason = "features need no more digits")]
const fn narrow(value: f64) -> f32 {
    value as f32
}
