use tokio::time::Instant;

use crate::Kept;

/// What is known of answers that go on after they were handed out.
pub(crate) struct Living<T> {
    /// How far one is.
    pub(crate) life: fn(&T) -> Life,
    /// One for somebody who asks, which stays as it is until he has dropped it; `None` if it is no answer any more.
    pub(crate) take: fn(&T) -> Option<T>,
}

/// How far an answer is that has been handed out. Most are whole then; a stream may still be under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    UnderWay,
    Ended(Instant),
    /// It is no answer any more.
    Over,
}

// === impl Living ===

impl<T> Living<T> {
    /// How far it is, of what was recorded then: whole, unless it is one that goes on.
    pub(crate) fn life(living: Option<&Self>, kept: &Kept<T>, at: Instant) -> Life {
        match (kept, living) {
            (Kept::Answered(response), Some(living)) => (living.life)(response),
            _ => Life::Ended(at),
        }
    }
}
