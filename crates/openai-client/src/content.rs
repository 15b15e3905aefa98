use std::{borrow::Cow, mem};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Extra,
    object::{Nulls, object},
};

/// What a message says: text, or parts of several kinds.
///
/// # Examples
///
/// ```
/// use mainstay_openai_client::{Content, Part};
///
/// let content = Content::from([Part::text("What is this?"), Part::image("https://example.com/cat.png")]);
/// assert_eq!(content.text(), "What is this?");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Content {
    /// Text alone.
    Text(#[serde(serialize_with = "crate::text::serialize")] String),
    /// Parts: text, images, and whatever else the API takes.
    Parts(Vec<Part>),
}

/// One part of a message's content.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Part {
    /// Text.
    Text(TextPart),
    /// An image, by URL or as a `data:` URL.
    Image(ImagePart),
    /// A part of a kind that this version does not type (audio, files, refusals), as it is.
    Other(Value),
}

object! {
    /// A part of a message that is text.
    pub struct TextPart {
        long {
            /// The text.
            text: String,
        }
    }
}

object! {
    /// A part of a message that is an image.
    pub struct ImagePart {
        required {
            /// Where the image is.
            image_url: ImageUrl,
        }
    }
}

object! {
    /// Where an image is.
    pub struct ImageUrl {
        long {
            /// An `https:` URL, or the image itself as a `data:` URL in base 64.
            url: String,
        }
        optional {
            /// How closely the model shall look: `low`, `high`, `auto`.
            detail: String,
        }
    }
}

// === impl Content ===

impl Content {
    /// Returns the text of all its text parts, joined.
    ///
    /// Borrows when there is only one.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => text.into(),
            Self::Parts(parts) => joined(parts.iter().filter_map(Part::as_text)),
        }
    }

    /// Tells whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Parts(parts) => parts.is_empty(),
        }
    }

    /// Reads what came in a stream where text is meant to be.
    pub(crate) fn in_parts(content: Value) -> Self {
        let read = |part| Part::deserialize(&part).unwrap_or(Part::Other(part));
        Self::Parts(match content {
            Value::Array(parts) => parts.into_iter().map(read).collect(),
            part => vec![read(part)],
        })
    }

    /// Adds what came next. Texts become one, where nothing is said of either but that it is text.
    pub(crate) fn push(&mut self, more: Self) {
        match (&mut *self, more) {
            (_, more) if more.is_empty() => {}
            (Self::Text(text), Self::Text(more)) => text.push_str(&more),
            (_, more) => {
                let mut parts = mem::replace(self, Self::Parts(Vec::new())).into_parts();
                for part in more.into_parts() {
                    match (parts.last_mut(), part) {
                        (Some(Part::Text(text)), Part::Text(more)) if text.is_plain() && more.is_plain() => {
                            text.text.push_str(&more.text);
                        }
                        (_, part) => parts.push(part),
                    }
                }
                *self = Self::Parts(parts);
            }
        }
    }

    fn into_parts(self) -> Vec<Part> {
        match self {
            Self::Text(text) if text.is_empty() => Vec::new(),
            Self::Text(text) => vec![Part::text(text)],
            Self::Parts(parts) => parts,
        }
    }
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<Part>> for Content {
    fn from(parts: Vec<Part>) -> Self {
        Self::Parts(parts)
    }
}

impl<const N: usize> From<[Part; N]> for Content {
    fn from(parts: [Part; N]) -> Self {
        Self::Parts(parts.into())
    }
}

// === impl Part ===

impl Part {
    /// Creates a part that is text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(TextPart { text: text.into(), extra: of_type("text"), nulls: Nulls::default() })
    }

    /// Creates a part that is an image, from an `https:` or `data:` URL.
    pub fn image(url: impl Into<String>) -> Self {
        let image_url =
            ImageUrl { url: url.into(), detail: None, extra: Extra::new(), nulls: Nulls::default() };
        Self::Image(ImagePart { image_url, extra: of_type("image_url"), nulls: Nulls::default() })
    }

    /// Returns the text, if the part is text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(part) => Some(&part.text),
            Self::Image(_) | Self::Other(_) => None,
        }
    }
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;

        let value = Value::deserialize(deserializer)?;
        match value.get("type").and_then(Value::as_str) {
            Some("text") => serde_json::from_value(value).map(Self::Text).map_err(D::Error::custom),
            Some("image_url") => serde_json::from_value(value).map(Self::Image).map_err(D::Error::custom),
            _ => Ok(Self::Other(value)),
        }
    }
}

// === impl TextPart ===

impl TextPart {
    /// Whether nothing is known of it but that it is text.
    fn is_plain(&self) -> bool {
        self.extra.keys().all(|name| name == "type")
    }
}

/// Joins texts. Borrows when there is only one.
pub(crate) fn joined<'a>(mut texts: impl Iterator<Item = &'a str>) -> Cow<'a, str> {
    let first = texts.next().unwrap_or_default();
    match texts.next() {
        None => first.into(),
        Some(second) => [first, second].into_iter().chain(texts).collect::<String>().into(),
    }
}

/// The fields of an object of which only the `type` is known yet.
pub(crate) fn of_type(name: &str) -> Extra {
    [("type".to_owned(), Value::from(name))].into_iter().collect()
}
