use mainstay_bucket::TokenEstimate;

use crate::openai::ChatChunk;

/// The tokens of a streamed answer, counted as they pass: one for each delta, and more where the text says so.
///
/// Most servers send a token in each delta; some gather several, and then their bytes tell.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    deltas: u64,
    text: TokenEstimate,
}

// === impl Tally ===

impl Tally {
    pub(super) fn add(&mut self, chunk: &ChatChunk) {
        for delta in chunk.choices.iter().map(|choice| &choice.delta) {
            self.deltas += u64::from(delta.has_token());
            delta.texts().for_each(|text| self.text.add(text));
        }
    }

    pub(super) fn tokens(&self) -> u64 {
        self.deltas.max(self.text.tokens())
    }
}
