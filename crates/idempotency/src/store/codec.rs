use std::error::Error;

use serde::{Serialize, de::DeserializeOwned};

/// Writes answers as bytes, and reads them again.
///
/// Its version is kept beside each value: a value of another version is never decoded, but reported
/// ([`StoreError::OtherVersion`](crate::StoreError::OtherVersion)).
pub trait Codec<T>: Send + Sync + 'static {
    /// The version of what is written: to be changed whenever old values can no longer be read.
    fn version(&self) -> u16;

    /// Writes an answer.
    ///
    /// # Errors
    ///
    /// It cannot be written; the answer is handed out all the same, and its key stays claimed.
    fn encode(&self, answer: &T) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>>;

    /// Reads an answer.
    ///
    /// # Errors
    ///
    /// The bytes are not what this version writes.
    fn decode(&self, bytes: &[u8]) -> Result<T, Box<dyn Error + Send + Sync>>;
}

/// Writes answers as JSON, by serde.
///
/// # Examples
///
/// ```
/// use mainstay_idempotency::{Codec, Json};
///
/// let codec = Json::version(2);
/// let bytes = codec.encode(&vec!["one".to_owned(), "two".to_owned()])?;
/// assert_eq!(bytes, br#"["one","two"]"#);
/// let read: Vec<String> = codec.decode(&bytes)?;
/// assert_eq!(read, ["one", "two"]);
/// # Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Json {
    version: u16,
}

// === impl Json ===

impl Json {
    /// Creates one for values of a version: 0 by default.
    pub const fn version(version: u16) -> Self {
        Self { version }
    }
}

impl<T: Serialize + DeserializeOwned> Codec<T> for Json {
    fn version(&self) -> u16 {
        self.version
    }

    fn encode(&self, answer: &T) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
        Ok(serde_json::to_vec(answer)?)
    }

    fn decode(&self, bytes: &[u8]) -> Result<T, Box<dyn Error + Send + Sync>> {
        Ok(serde_json::from_slice(bytes)?)
    }
}
