use crate::{ChatChunk, FinishReason};

/// How far a stream has come: whether it has said a token, and whether each of its answers has ended.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    begun: u128,
    finished: u128,
    token: bool,
    filtered: bool,
}

// === impl Progress ===

impl Progress {
    /// Takes a chunk into account.
    pub(crate) fn note(&mut self, chunk: &ChatChunk) {
        self.token |= chunk.has_token();
        for choice in &chunk.choices {
            // The API allows 128 answers at most; any further ones share the last bit.
            let bit = 1 << choice.index.min(u128::BITS - 1);
            self.begun |= bit;
            if let Some(reason) = &choice.finish_reason {
                self.finished |= bit;
                self.filtered |= *reason == FinishReason::ContentFilter;
            }
        }
    }

    /// Whether a token was said.
    pub(crate) const fn has_token(self) -> bool {
        self.token
    }

    /// Whether every answer that has begun has given its reason to finish.
    pub(crate) const fn is_finished(self) -> bool {
        self.begun != 0 && self.begun == self.finished
    }

    /// Whether a policy ended an answer.
    pub(crate) const fn is_filtered(self) -> bool {
        self.filtered
    }
}
