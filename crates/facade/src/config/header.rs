use std::fmt;

use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, MapAccess},
};

use super::{KeySource, key};

/// What a header says: a text, or where a secret is.
///
/// # Examples
///
/// ```
/// use mainstay::{BackendConfig, HeaderSource, KeySource};
///
/// let backend: BackendConfig = toml::from_str(
///     r#"base_url = "http://127.0.0.1:8080/v1"
///     headers = { x-team = "papers", x-api-key = { env = "GATEWAY_KEY" } }"#,
/// )?;
/// assert_eq!(backend.headers["x-team"], HeaderSource::Plain("papers".into()));
/// assert_eq!(backend.headers["x-api-key"], HeaderSource::Secret(KeySource::Env("GATEWAY_KEY".into())));
/// assert_eq!(format!("{:?}", backend.headers["x-team"]), "Plain(..)");
/// # Ok::<_, toml::de::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum HeaderSource {
    /// The text itself, of what is no secret: `"papers"`.
    Plain(String),
    /// A secret that stands elsewhere: `{ env = "GATEWAY_KEY" }` or `{ file = "/run/secrets/gateway" }`.
    Secret(KeySource),
}

// === impl HeaderSource ===

impl HeaderSource {
    /// Fetches the text; otherwise says what is missing, without a word of it.
    pub(crate) fn read(&self) -> Result<String, String> {
        match self {
            Self::Plain(text) => Ok(text.clone()),
            Self::Secret(source) => source.read_text(),
        }
    }
}

impl From<&str> for HeaderSource {
    fn from(text: &str) -> Self {
        Self::Plain(text.to_owned())
    }
}

impl From<KeySource> for HeaderSource {
    fn from(source: KeySource) -> Self {
        Self::Secret(source)
    }
}

/// Not even a text is shown: it may be a secret all the same.
impl fmt::Debug for HeaderSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(_) => f.write_str("Plain(..)"),
            Self::Secret(source) => f.debug_tuple("Secret").field(source).finish(),
        }
    }
}

impl<'de> Deserialize<'de> for HeaderSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

struct Written;

impl<'de> de::Visitor<'de> for Written {
    type Value = HeaderSource;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, `{ env = \"NAME\" }` or `{ file = \"PATH\" }`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<HeaderSource, E> {
        Ok(HeaderSource::from(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<HeaderSource, A::Error> {
        key::Written.visit_map(map).map(HeaderSource::Secret)
    }
}

/// Whether a header of this name carries a secret, by what such headers are called.
pub(super) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let ends = ["authorization", "key", "token", "secret", "password", "cookie"];
    ends.iter().any(|end| name.ends_with(end))
}
