use std::time::Duration;

/// What becomes of a call with a new key when there is no room for its record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenFull {
    /// It is refused: what cannot be remembered is not run.
    #[default]
    Refuse,
    /// It is run, and forgotten: a repetition runs again.
    RunUnrecorded,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) max_wait: Option<Duration>,
    pub(crate) when_full: WhenFull,
}
