use thiserror::Error;

/// A setting that makes no sense: which, what it was set to, and what it must be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{field} is {value}: it must be {expected}")]
pub struct InvalidBackoff {
    field: &'static str,
    value: String,
    expected: &'static str,
}

// === impl InvalidBackoff ===

impl InvalidBackoff {
    /// Passes a value that satisfies what is expected of it.
    pub(crate) fn unless<T: std::fmt::Debug>(
        holds: bool,
        field: &'static str,
        value: T,
        expected: &'static str,
    ) -> Result<T, Self> {
        if holds { Ok(value) } else { Err(Self { field, value: format!("{value:?}"), expected }) }
    }

    /// The name of the setting.
    pub const fn field(&self) -> &'static str {
        self.field
    }
}
