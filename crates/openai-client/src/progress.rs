use crate::{ChatChunk, FinishReason};

/// How far a stream has come: whether it has said a token, and whether each of its answers has ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    asked: u32,
    begun: u128,
    finished: u128,
    token: bool,
    filtered: bool,
}

// === impl Progress ===

impl Progress {
    /// Nothing has come yet of as many answers as the request asks for: one, unless it says otherwise.
    pub(crate) fn new(n: Option<u32>) -> Self {
        let asked = n.unwrap_or(1).min(u128::BITS);
        Self { asked, begun: 0, finished: 0, token: false, filtered: false }
    }

    /// Takes a chunk into account.
    pub(crate) fn note(&mut self, chunk: &ChatChunk) {
        self.token |= chunk.has_token();
        for choice in &chunk.choices {
            // The API allows 128 answers at most; any further ones share the last bit.
            let bit = 1 << choice.index.min(u128::BITS - 1);
            self.begun |= bit;
            if let Some(reason) = choice.ended() {
                self.finished |= bit;
                self.filtered |= *reason == FinishReason::ContentFilter;
            }
        }
    }

    /// Whether a token was said.
    pub(crate) const fn has_token(self) -> bool {
        self.token
    }

    /// Whether every answer that was asked for has given its reason to finish, so that the stream is whole without `[DONE]`.
    ///
    /// Those that have begun are not enough: a server may begin one when another has ended.
    pub(crate) const fn is_finished(self) -> bool {
        self.is_settled() && self.finished.count_ones() >= self.asked
    }

    /// Whether every answer that has begun has given its reason to finish; of a stream that says `[DONE]` there are no others.
    pub(crate) const fn is_settled(self) -> bool {
        self.begun != 0 && self.begun == self.finished
    }

    /// Whether a policy ended an answer.
    pub(crate) const fn is_filtered(self) -> bool {
        self.filtered
    }
}
