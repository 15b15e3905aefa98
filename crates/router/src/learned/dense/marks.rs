use super::log;

/// How often single marks occur. Beside their share of the text, their number says how many steps there may be.
#[derive(Default)]
pub(crate) struct Marks {
    percents: usize,
    dollars: usize,
    equations: usize,
    brackets: usize,
    hyphens: usize,
    variables: usize,
    names: usize,
}

// === impl Marks ===

impl Marks {
    /// Counts marks in a text.
    pub(crate) fn count(text: &[u8]) -> Self {
        let mut marks = Self::default();
        let mut before = [b' '; 2];
        for (at, byte) in text.iter().enumerate() {
            let next = text.get(at + 1).copied().unwrap_or(b' ');
            marks.add(before, *byte, next);
            before = [before[1], *byte];
        }
        marks
    }

    fn add(&mut self, before: [u8; 2], byte: u8, next: u8) {
        match byte {
            b'%' => self.percents += 1,
            b'$' => self.dollars += 1,
            b'=' => self.equations += 1,
            b'(' => self.brackets += 1,
            b'-' => self.hyphens += 1,
            // A letter alone; `A` and `I` are words, or the name of a choice.
            b'a'..=b'z' | b'B'..=b'H' | b'J'..=b'Z' if !is_of_word(before[1]) && !is_of_word(next) => {
                self.variables += 1;
            }
            // Not at the beginning of a sentence: a name.
            b'A'..=b'Z' if before[1] == b' ' && matches!(before[0], b'a'..=b'z' | b',') => {
                self.names += usize::from(next.is_ascii_lowercase());
            }
            _ => {}
        }
    }

    pub(crate) fn features(&self) -> [f32; 7] {
        [self.percents, self.dollars, self.equations, self.brackets, self.hyphens, self.variables, self.names]
            .map(log)
    }
}

const fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii()
}
