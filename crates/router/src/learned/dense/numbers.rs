use super::{log, narrow};

/// The numbers of a question: how much there is to reckon with, whatever it is about.
#[derive(Default)]
pub(crate) struct Numbers {
    count: usize,
    largest: f64,
    decimals: usize,
    years: usize,
}

// === impl Numbers ===

impl Numbers {
    /// Finds the numbers of a text, such as 12, 1,200 and 3.5.
    pub(crate) fn find(text: &[u8]) -> Self {
        let mut found = Self::default();
        for word in text.split(|byte| !matches!(byte, b'0'..=b'9' | b',' | b'.')) {
            if word.iter().any(u8::is_ascii_digit) {
                found.add(word);
            }
        }
        found
    }

    fn add(&mut self, word: &[u8]) {
        let mut parts = word.split(|byte| *byte == b'.');
        let whole = parts.next().unwrap_or(word);
        let value = whole.iter().filter(|byte| byte.is_ascii_digit());
        let value = value.fold(0.0, |value, digit| value * 10.0 + f64::from(digit - b'0'));
        self.count += 1;
        self.largest = self.largest.max(value);
        self.decimals += usize::from(parts.next().is_some_and(|rest| !rest.is_empty()));
        self.years += usize::from(matches!(whole, [b'1', _, _, _] | [b'2', b'0', _, _]));
    }

    pub(crate) fn features(&self) -> [f32; 4] {
        // The largest of a hostile text may be infinite: no number is larger than this for what can be told from it.
        let largest = narrow(self.largest.min(1e15).ln_1p());
        [log(self.count), largest, log(self.decimals), log(self.years)]
    }
}
