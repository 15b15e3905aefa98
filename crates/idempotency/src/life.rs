use tokio::time::Instant;

/// How far an answer is that has been handed out. Most are whole then; a stream may still be under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    UnderWay,
    Ended(Instant),
    /// It is no answer any more.
    Over,
}
