//! Tokens, as this server counts them: about four bytes each, never part of a character.
//!
//! What is counted is what is streamed: a text of n tokens comes as n deltas.

const BYTES: usize = 4;

/// How many [`pieces`] a text has.
pub(crate) fn count(text: &str) -> u64 {
    if text.is_ascii() { text.len().div_ceil(BYTES) as u64 } else { pieces(text).count() as u64 }
}

/// The tokens of a text, in order; together they are the text.
pub(crate) fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = (BYTES..rest.len()).find(|at| rest.is_char_boundary(*at)).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

/// The first `limit` tokens of a text.
pub(crate) fn first(text: &str, limit: u64) -> &str {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let end = pieces(text).take(limit).map(str::len).sum();
    text.get(..end).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_the_text_and_as_many_as_are_counted() {
        for text in ["", "a", "abcd", "abcde", "naïve café", "日本語のテキスト", "🦀🦀🦀"] {
            assert_eq!(pieces(text).collect::<String>(), text);
            assert_eq!(pieces(text).count() as u64, count(text));
            assert_eq!(first(text, 1), pieces(text).next().unwrap_or(""));
            assert_eq!(first(text, u64::MAX), text);
        }
    }
}
