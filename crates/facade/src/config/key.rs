use std::{env, fmt, fs, path::PathBuf};

use mainstay_openai_client::ApiKey;
use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, MapAccess},
};

/// Where an API key is.
///
/// A file of settings is copied, committed and pasted; a key is not to travel with it. So it stands elsewhere, unless one
/// insists.
#[derive(Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeySource {
    /// In an environment variable: `{ env = "OPENAI_API_KEY" }`.
    Env(String),
    /// In a file, without the white space around it: `{ file = "/run/secrets/openai" }`.
    File(PathBuf),
    /// In the configuration itself, in clear: `{ insecure = "sk-…" }`.
    Insecure(String),
}

// === impl KeySource ===

impl KeySource {
    /// Fetches the key; otherwise says what is missing, without a word of the key.
    pub(crate) fn read(&self) -> Result<ApiKey, String> {
        self.read_text().map(ApiKey::from)
    }

    /// As [`read`](Self::read), of another secret: to be kept as one.
    pub(crate) fn read_text(&self) -> Result<String, String> {
        let found = match self {
            Self::Env(name) => {
                env::var(name).map_err(|error| format!("environment variable {name}: {error}"))?
            }
            Self::File(path) => {
                fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?
            }
            Self::Insecure(key) => key.clone(),
        };
        match (found.trim(), self) {
            ("", Self::Env(name)) => Err(format!("environment variable {name}: it is empty")),
            ("", Self::File(path)) => Err(format!("{}: it is empty", path.display())),
            ("", Self::Insecure(_)) => Err("it is empty".to_owned()),
            (text, _) => Ok(text.to_owned()),
        }
    }
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => f.debug_tuple("Env").field(name).finish(),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Insecure(_) => f.write_str("Insecure(..)"),
        }
    }
}

/// Reads what an error may repeat; a key that stands where it must not is not a part of it.
impl<'de> Deserialize<'de> for KeySource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

pub(super) struct Written;

impl<'de> de::Visitor<'de> for Written {
    type Value = KeySource;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "`{ env = \"NAME\" }` or `{ file = \"PATH\" }`, not the key itself (or `{ insecure = \"KEY\" }`)",
        )
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<KeySource, E> {
        Err(E::invalid_type(de::Unexpected::Other("a string"), &self))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<KeySource, A::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum Kind {
            Env,
            File,
            Insecure,
        }
        let source = match map.next_key()? {
            Some(Kind::Env) => KeySource::Env(map.next_value()?),
            Some(Kind::File) => KeySource::File(map.next_value()?),
            Some(Kind::Insecure) => KeySource::Insecure(map.next_value()?),
            None => return Err(de::Error::invalid_length(0, &self)),
        };
        match map.next_key::<String>()? {
            None => Ok(source),
            Some(second) => {
                Err(de::Error::custom(format!("`{second}` stands beside the key's source: name one")))
            }
        }
    }
}
