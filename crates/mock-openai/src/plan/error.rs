//! What can be wrong with a plan, and where.

use std::{fmt, io, path::PathBuf};

use toml::de::{DeTable, DeValue};

/// Why a plan was refused.
///
/// Its text names the file (where there is one), the line and column (where the plan was written in TOML), the field
/// and the value.
#[derive(Debug)]
pub struct PlanError {
    path: Option<PathBuf>,
    position: Option<(usize, usize)>,
    cause: Box<Cause>,
}

#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error("cannot be read: {0}")]
    Unreadable(#[source] io::Error),
    #[error("{0}")]
    Toml(#[source] toml::de::Error),
    #[error("{0}")]
    Invalid(#[source] Invalid),
}

/// A value that makes no sense where it stands.
#[derive(Debug, thiserror::Error)]
#[error("`{place}` is {value}: {rule}")]
pub(crate) struct Invalid {
    place: Place,
    value: String,
    rule: &'static str,
}

/// Where in a plan a field stands, from the root down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place(Vec<Segment>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Key(String),
    Index(usize),
}

// === impl PlanError ===

impl PlanError {
    /// The line of the error in the TOML text, from 1; `None` where the plan was not written in TOML.
    pub fn line(&self) -> Option<usize> {
        self.position.map(|(line, _)| line)
    }

    /// The column of the error in its line, from 1, in characters.
    pub fn column(&self) -> Option<usize> {
        self.position.map(|(_, column)| column)
    }

    pub(crate) fn unreadable(source: io::Error) -> Self {
        Self { path: None, position: None, cause: Box::new(Cause::Unreadable(source)) }
    }

    pub(crate) fn toml(text: &str, source: toml::de::Error) -> Self {
        let position = source.span().and_then(|span| position(text, span.start));
        Self { path: None, position, cause: Box::new(Cause::Toml(source)) }
    }

    /// A value that makes no sense, at its line if it was read from `text`.
    pub(crate) fn invalid(invalid: Invalid, text: Option<&str>) -> Self {
        let position = text.and_then(|text| position(text, invalid.place.offset(text)?));
        Self { path: None, position, cause: Box::new(Cause::Invalid(invalid)) }
    }

    #[must_use]
    pub(crate) fn in_file(self, path: PathBuf) -> Self {
        Self { path: Some(path), ..self }
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("plan")?;
        if let Some(path) = &self.path {
            write!(f, " {}", path.display())?;
        }
        // The text of a TOML error says the line itself, and shows it.
        if let (Some((line, column)), Cause::Invalid(_)) = (self.position, &*self.cause) {
            write!(f, " at line {line}, column {column}")?;
        }
        write!(f, ": {}", self.cause)
    }
}

impl std::error::Error for PlanError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.cause)
    }
}

// === impl Place ===

impl Place {
    pub(crate) fn key(&self, key: &str) -> Self {
        self.then(Segment::Key(key.to_owned()))
    }

    pub(crate) fn index(&self, index: usize) -> Self {
        self.then(Segment::Index(index))
    }

    pub(crate) fn invalid(&self, value: impl fmt::Display, rule: &'static str) -> Invalid {
        Invalid { place: self.clone(), value: value.to_string(), rule }
    }

    fn then(&self, segment: Segment) -> Self {
        Self(self.0.iter().cloned().chain([segment]).collect())
    }

    /// The byte at which this place, or the nearest one above it that was written, begins in `text`.
    fn offset(&self, text: &str) -> Option<usize> {
        let root = DeTable::parse(text).ok()?;
        let mut offset = root.span().start;
        let mut here = &DeValue::Table(root.into_inner());
        for segment in &self.0 {
            let next = match segment {
                Segment::Key(key) => here.get(key.as_str()),
                Segment::Index(index) => here.get(*index),
            };
            let Some(next) = next else { break };
            offset = next.span().start;
            here = next.get_ref();
        }
        Some(offset)
    }
}

impl fmt::Display for Place {
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

/// Line and column, both from 1, of the byte at `offset`.
fn position(text: &str, offset: usize) -> Option<(usize, usize)> {
    let before = text.get(..offset)?;
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before.get(line_start..)?.chars().count() + 1;
    Some((before.matches('\n').count() + 1, column))
}
