use std::fmt;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// Where in a configuration a field stands, from the root down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spot(Vec<Segment>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Key(String),
    Index(usize),
}

/// A value that makes no sense where it stands, and what would.
#[derive(Debug, thiserror::Error)]
#[error("`{spot}` {wrong}")]
pub(crate) struct Invalid {
    pub(super) spot: Spot,
    wrong: String,
}

// === impl Spot ===

impl Spot {
    pub(crate) fn key(&self, key: &str) -> Self {
        self.then(Segment::Key(key.to_owned()))
    }

    pub(crate) fn index(&self, index: usize) -> Self {
        self.then(Segment::Index(index))
    }

    /// What is wrong here, as a sentence of which this place is the subject.
    pub(crate) fn invalid(&self, wrong: impl Into<String>) -> Invalid {
        Invalid { spot: self.clone(), wrong: wrong.into() }
    }

    /// The place of what stands at an offset of `text`: of a key, the table in which it stands. `None` at the root.
    pub(super) fn at(text: &str, offset: usize) -> Option<Self> {
        let root = DeTable::parse(text).ok()?;
        let spot = Self::default().within(&DeValue::Table(root.into_inner()), offset)?;
        (!spot.0.is_empty()).then_some(spot)
    }

    /// The place at the offset, if it is in this value, which stands here.
    fn within(&self, value: &DeValue<'_>, offset: usize) -> Option<Self> {
        let inside = |spot: Self, value: &Spanned<DeValue<'_>>| {
            let is_here = || value.span().contains(&offset).then(|| spot.clone());
            spot.within(value.get_ref(), offset).or_else(is_here)
        };
        match value {
            DeValue::Table(table) => table.iter().find_map(|(key, value)| {
                let is_key = key.span().contains(&offset).then(|| self.clone());
                is_key.or_else(|| inside(self.key(key.get_ref()), value))
            }),
            DeValue::Array(items) => {
                items.iter().enumerate().find_map(|(at, value)| inside(self.index(at), value))
            }
            _ => None,
        }
    }

    fn then(&self, segment: Segment) -> Self {
        Self(self.0.iter().cloned().chain([segment]).collect())
    }

    /// The line, from 1, at which this place, or the nearest one above it that was written, begins in `text`.
    pub(super) fn line(&self, text: &str) -> Option<usize> {
        let (_, offset) = self.find(text)?;
        line(text, offset)
    }

    /// Whether this place was written in `text`.
    pub(super) fn is_in(&self, text: &str) -> bool {
        self.find(text).is_some_and(|(depth, _)| depth == self.0.len())
    }

    /// Goes down in `text` as far as it was written: how many steps, and the byte at which that begins.
    fn find(&self, text: &str) -> Option<(usize, usize)> {
        let root = DeTable::parse(text).ok()?;
        let mut found = (0, root.span().start);
        let mut here = &DeValue::Table(root.into_inner());
        for segment in &self.0 {
            let next = match segment {
                Segment::Key(key) => here.get(key.as_str()),
                Segment::Index(index) => here.get(*index),
            };
            let Some(next) = next else { break };
            found = (found.0 + 1, next.span().start);
            here = next.get_ref();
        }
        Some(found)
    }
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Key(key) => {
                    let bare = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
                    let dot = if at == 0 { "" } else { "." };
                    if bare { write!(f, "{dot}{key}")? } else { write!(f, "{dot}{key:?}")? }
                }
            }
        }
        Ok(())
    }
}

/// The line, from 1, of the byte at `offset`.
pub(super) fn line(text: &str, offset: usize) -> Option<usize> {
    Some(text.get(..offset)?.matches('\n').count() + 1)
}
