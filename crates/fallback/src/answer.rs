use std::{
    fmt,
    ops::{Deref, DerefMut},
    str::FromStr,
    sync::Arc,
};

use crate::{Trail, label::Label};

/// An answer, the tier that gave it, and what failed above that.
///
/// It dereferences to its response.
#[derive(Clone, Debug)]
pub struct Answer<R, E> {
    response: R,
    label: Arc<Label>,
    trail: Trail<E>,
}

/// How much worse an answer is than the first tier's would be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Degradation {
    /// Not at all: the first tier gave it, or one as good.
    #[default]
    None,
    /// Another model gave it.
    SmallerModel,
    /// Rules gave it.
    Rules,
    /// It is set, whatever was asked.
    SetAnswer,
    /// It is a promise: people will see to it.
    Queued,
}

// === impl Answer ===

impl<R, E> Answer<R, E> {
    pub(crate) const fn new(response: R, label: Arc<Label>, trail: Trail<E>) -> Self {
        Self { response, label, trail }
    }

    /// The name of the tier that gave it.
    pub fn tier(&self) -> &str {
        &self.label.name
    }

    /// The name of the tier that gave it, shared.
    pub fn shared_tier(&self) -> Arc<str> {
        Arc::clone(&self.label.name)
    }

    /// How much worse it is than the first tier's would be.
    pub fn degraded(&self) -> Degradation {
        self.label.degraded
    }

    /// What failed above: empty if the first tier gave it.
    pub const fn trail(&self) -> &Trail<E> {
        &self.trail
    }

    /// Takes the response out.
    pub fn into_inner(self) -> R {
        self.response
    }

    /// Takes it apart: the response, and what failed above.
    pub fn into_parts(self) -> (R, Trail<E>) {
        (self.response, self.trail)
    }

    /// Makes another response of it.
    pub fn map<T>(self, map: impl FnOnce(R) -> T) -> Answer<T, E> {
        let Self { response, label, trail } = self;
        Answer { response: map(response), label, trail }
    }
}

impl<R, E> Deref for Answer<R, E> {
    type Target = R;

    fn deref(&self) -> &R {
        &self.response
    }
}

impl<R, E> DerefMut for Answer<R, E> {
    fn deref_mut(&mut self) -> &mut R {
        &mut self.response
    }
}

// === impl Degradation ===

impl Degradation {
    /// Returns it in `snake_case`, as it stands in traces and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::SmallerModel => "smaller_model",
            Self::Rules => "rules",
            Self::SetAnswer => "set_answer",
            Self::Queued => "queued",
        }
    }
}

impl FromStr for Degradation {
    type Err = String;

    /// Reads what [`as_str`](Self::as_str) writes.
    fn from_str(name: &str) -> Result<Self, String> {
        let all = [Self::None, Self::SmallerModel, Self::Rules, Self::SetAnswer, Self::Queued];
        let found = all.into_iter().find(|degradation| degradation.as_str() == name);
        found.ok_or_else(|| format!("there is no degradation {name:?}"))
    }
}

impl fmt::Display for Degradation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::None => "not degraded",
            Self::SmallerModel => "by a smaller model",
            Self::Rules => "by rules",
            Self::SetAnswer => "a set answer",
            Self::Queued => "queued for people",
        })
    }
}
