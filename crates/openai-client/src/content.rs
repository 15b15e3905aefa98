use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::object::{Nulls, object};

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
    Text(String),
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
        required {
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
        required {
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
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        match self {
            Self::Text(text) => text.into(),
            Self::Parts(parts) => {
                let mut texts = parts.iter().filter_map(Part::as_text);
                let first = texts.next().unwrap_or_default();
                match texts.next() {
                    None => first.into(),
                    Some(second) => [first, second].into_iter().chain(texts).collect::<String>().into(),
                }
            }
        }
    }

    /// Tells whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Parts(parts) => parts.is_empty(),
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
        let image_url = ImageUrl {
            url: url.into(),
            detail: None,
            extra: serde_json::Map::new(),
            nulls: Nulls::default(),
        };
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

/// The fields of an object of which only the `type` is known yet.
pub(crate) fn of_type(name: &str) -> serde_json::Map<String, Value> {
    [("type".to_owned(), Value::from(name))].into_iter().collect()
}
