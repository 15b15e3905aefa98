use std::{
    fmt::{self, Write},
    sync::Arc,
};

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What a request asks for, in 128 bits: the same key with another fingerprint is a conflict.
///
/// It is the first half of the SHA-256 of the request's canonical form, the same in every process and version: see
/// [`key_of`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint(u128);

/// Makes a key of what a request asks for: equal requests have equal keys, in every process.
///
/// It is the SHA-256, in hexadecimal, of the request's JSON in its canonical form: no white space; the fields of each object in the
/// order of their names' bytes; strings and numbers as `serde_json` writes them. So neither the order of fields nor that of
/// a map's entries matters.
///
/// # Errors
///
/// When the request cannot be written as JSON.
///
/// # Examples
///
/// ```
/// use mainstay_idempotency::key_of;
/// use serde_json::json;
///
/// let one = key_of(&json!({"model": "gpt-4o", "n": 1}))?;
/// assert_eq!(one, key_of(&json!({"n": 1, "model": "gpt-4o"}))?);
/// assert_ne!(one, key_of(&json!({"n": 2, "model": "gpt-4o"}))?);
/// assert_eq!(one.len(), 64);
/// # Ok::<_, serde_json::Error>(())
/// ```
pub fn key_of<T: Serialize + ?Sized>(request: &T) -> serde_json::Result<String> {
    let digest = digest(request)?;
    Ok(digest.iter().fold(String::with_capacity(64), |mut key, byte| {
        // Writing to a string does not fail.
        let _ = write!(key, "{byte:02x}");
        key
    }))
}

/// Makes a key that nobody else has: a random UUID.
pub fn new_key() -> Arc<str> {
    let mut buffer = Uuid::encode_buffer();
    Arc::from(&*Uuid::new_v4().hyphenated().encode_lower(&mut buffer))
}

// === impl Fingerprint ===

impl Fingerprint {
    /// Takes the fingerprint of a request.
    ///
    /// # Errors
    ///
    /// When the request cannot be written as JSON.
    pub fn of<T: Serialize + ?Sized>(request: &T) -> serde_json::Result<Self> {
        let digest = digest(request)?;
        let first = digest.first_chunk().copied().unwrap_or_default();
        Ok(Self(u128::from_be_bytes(first)))
    }

    /// Takes a fingerprint that was made in another way.
    pub const fn new(bits: u128) -> Self {
        Self(bits)
    }

    /// Its bits.
    pub const fn bits(self) -> u128 {
        self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

fn digest<T: Serialize + ?Sized>(request: &T) -> serde_json::Result<[u8; 32]> {
    let mut text = String::new();
    canonical(&serde_json::to_value(request)?, &mut text)?;
    Ok(Sha256::digest(text.as_bytes()).into())
}

/// Writes a value in its canonical form.
fn canonical(value: &Value, text: &mut String) -> serde_json::Result<()> {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            text.push('{');
            for (at, (name, value)) in fields.into_iter().enumerate() {
                text.push_str(if at == 0 { "" } else { "," });
                text.push_str(&serde_json::to_string(name)?);
                text.push(':');
                canonical(value, text)?;
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (at, item) in items.iter().enumerate() {
                text.push_str(if at == 0 { "" } else { "," });
                canonical(item, text)?;
            }
            text.push(']');
        }
        plain => text.push_str(&serde_json::to_string(plain)?),
    }
    Ok(())
}
