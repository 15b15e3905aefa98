//! A few sentences about a prompt.

use crate::chance::hash;

const REMARKS: [&str; 6] = [
    "The gist of it is plain enough, and the details bear it out.",
    "There is more than one way to read it; this is the likeliest.",
    "Most of it follows from the first sentence.",
    "It would be worth checking against a second source.",
    "Nothing in it contradicts what is usually said.",
    "A shorter version would lose very little.",
];

/// How much of the prompt is quoted, in words.
const QUOTED: usize = 12;

/// Answers a prompt; another choice answers a little differently.
///
/// The answer always has characters of more than one byte, so that a stream can be broken inside one.
pub(super) fn about(prompt: &str, choice: u64) -> String {
    let mut quoted = String::new();
    for word in prompt.split_whitespace().take(QUOTED) {
        if !quoted.is_empty() {
            quoted.push(' ');
        }
        quoted.push_str(word);
    }
    let words = prompt.split_ascii_whitespace().count();
    let start = hash(prompt.as_bytes()).wrapping_add(choice);
    let remark = |skip: u64| {
        let at = usize::try_from(start.wrapping_add(skip) % REMARKS.len() as u64).unwrap_or(0);
        REMARKS.get(at).copied().unwrap_or_default()
    };
    format!("You asked — in {words} words — about “{quoted}”. {} {}", remark(0), remark(2))
}
