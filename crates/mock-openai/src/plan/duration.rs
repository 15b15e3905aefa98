//! Durations in TOML: `"250ms"`, `"2s"`, `"1h 30m"`.

use std::{fmt, time::Duration};

use serde::{Deserialize, Deserializer, de};

/// A duration that is written as people write it.
pub(crate) struct Written(pub(crate) Duration);

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    Written::deserialize(from).map(|written| written.0)
}

/// For `#[serde(default, deserialize_with = "duration::optional")]`.
pub(crate) fn optional<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    deserialize(from).map(Some)
}

// === impl Written ===

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(DurationVisitor)
    }
}

struct DurationVisitor;

impl de::Visitor<'_> for DurationVisitor {
    type Value = Written;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration with its unit, such as \"250ms\" or \"2s\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Written, E> {
        let parsed = humantime::parse_duration(text);
        parsed.map(Written).map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}
