//! How a call has gone so far: one word, as tickets are moved with the futures and streams that hold them.

use std::fmt;

use crate::standing::Admission;

/// The tokens that were counted, what has happened (a bit each), and how the call was let through.
#[derive(Clone, Copy)]
pub(crate) struct Course(u64);

/// Something that has happened to a call.
#[derive(Clone, Copy, Debug)]
#[repr(u64)]
pub(crate) enum Mark {
    /// The request is with the backend: from here on it may cost.
    Sent = 1 << 2,
    /// The backend did not answer at once.
    Waited = 1 << 3,
    /// The first token has come.
    First = 1 << 4,
}

const ADMISSION: u64 = 0b11;
const TOKENS_AT: u32 = 8;
const MOST_TOKENS: u64 = u64::MAX >> TOKENS_AT;

// === impl Course ===

impl Course {
    #[inline]
    pub(crate) const fn begin(admission: Admission) -> Self {
        Self(admission as u64)
    }

    #[inline]
    pub(crate) const fn admission(self) -> Admission {
        match self.0 & ADMISSION {
            0 => Admission::Up,
            1 => Admission::Probe,
            _ => Admission::LastResort,
        }
    }

    #[inline]
    pub(crate) const fn has(self, mark: Mark) -> bool {
        self.0 & mark as u64 != 0
    }

    #[inline]
    pub(crate) const fn mark(&mut self, mark: Mark) {
        self.0 |= mark as u64;
    }

    pub(crate) const fn tokens(self) -> u64 {
        self.0 >> TOKENS_AT
    }

    pub(crate) fn count(&mut self, tokens: u64) {
        let sum = self.tokens().saturating_add(tokens).min(MOST_TOKENS);
        self.0 = self.0 & ((1 << TOKENS_AT) - 1) | sum << TOKENS_AT;
    }
}

impl fmt::Debug for Course {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Course")
            .field("admission", &self.admission())
            .field("tokens", &self.tokens())
            .finish_non_exhaustive()
    }
}
