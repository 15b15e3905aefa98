use std::{borrow::Cow, fmt};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, SeqAccess, Visitor},
};
use thiserror::Error;

/// The numbers of an embedding, in the form in which they came: a list, or base64.
///
/// Which form it is, the request decides by its field `encoding_format`: `float`, which an API takes if it is not told,
/// or `base64`, which is shorter, and which the official clients ask for unseen. It is written in the form in which it was
/// read, base64 to the letter, so that whoever passes answers on need not know.
///
/// # Examples
///
/// ```
/// use mainstay_openai_client::Vector;
///
/// let list: Vector = serde_json::from_str("[0.5,-0.25]")?;
/// let packed: Vector = serde_json::from_str(r#""AAAAPwAAgL4=""#)?;
/// assert_eq!(*list.floats()?, [0.5, -0.25]);
/// assert_eq!(packed.floats()?, list.floats()?);
///
/// assert_eq!(serde_json::to_string(&packed)?, r#""AAAAPwAAgL4=""#);
/// assert_eq!(packed.into_floats()?, vec![0.5, -0.25]);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Vector {
    /// A list of numbers, in single precision.
    Floats(Vec<f32>),
    /// Little-endian single floats in base64. It is not looked into before somebody asks for its numbers.
    Base64(String),
}

/// A text that is no vector: it is not base64, or not that of whole single floats.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(transparent)]
pub struct InvalidVector(#[from] Reason);

#[derive(Clone, Debug, PartialEq, Eq, Error)]
enum Reason {
    #[error("the vector is not base64")]
    NotBase64(#[from] base64::DecodeError),
    #[error("the vector has {0} bytes, which are not whole floats of 4 bytes each")]
    NotWhole(usize),
}

// === impl Vector ===

impl Vector {
    /// Returns the numbers: borrowed from a list, read from base64.
    ///
    /// # Errors
    ///
    /// A text that is not base64 of whole single floats; a list is always right.
    pub fn floats(&self) -> Result<Cow<'_, [f32]>, InvalidVector> {
        match self {
            Self::Floats(floats) => Ok(Cow::Borrowed(floats)),
            Self::Base64(text) => decode(text).map(Cow::Owned),
        }
    }

    /// Takes the numbers out, without copying a list.
    ///
    /// # Errors
    ///
    /// As [`floats`](Self::floats).
    pub fn into_floats(self) -> Result<Vec<f32>, InvalidVector> {
        match self {
            Self::Floats(floats) => Ok(floats),
            Self::Base64(text) => decode(&text),
        }
    }
}

impl From<Vec<f32>> for Vector {
    fn from(floats: Vec<f32>) -> Self {
        Self::Floats(floats)
    }
}

impl<'de> Deserialize<'de> for Vector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct VectorVisitor;

        impl<'de> Visitor<'de> for VectorVisitor {
            type Value = Vector;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of numbers, or a string of them in base64")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Vector, A::Error> {
                Vec::deserialize(de::value::SeqAccessDeserializer::new(seq)).map(Vector::Floats)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Vector, E> {
                Ok(Vector::Base64(text.to_owned()))
            }

            fn visit_string<E: de::Error>(self, text: String) -> Result<Vector, E> {
                Ok(Vector::Base64(text))
            }
        }

        deserializer.deserialize_any(VectorVisitor)
    }
}

fn decode(text: &str) -> Result<Vec<f32>, InvalidVector> {
    let bytes = BASE64_STANDARD.decode(text).map_err(Reason::from)?;
    let (floats, rest) = bytes.as_chunks();
    if !rest.is_empty() {
        return Err(Reason::NotWhole(bytes.len()).into());
    }
    Ok(floats.iter().map(|float| f32::from_le_bytes(*float)).collect())
}
