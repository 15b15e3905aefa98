//! A model as bytes: `MNSTROUT`, the format's version, a check sum, and the rest as [postcard](https://docs.rs/postcard) writes it.

use std::{fs, path::Path};

use super::{Learned, Model, ModelError};

const MAGIC: &[u8; 8] = b"MNSTROUT";

/// Another number for each change of what is kept, and of how texts are turned into numbers.
const VERSION: u32 = 3;

// === impl Model ===

impl Model {
    /// Loads a model from a file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is not a model, is of another version, or is damaged.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, ModelError> {
        let path = path.as_ref();
        let bytes = fs::read(path).map_err(|source| ModelError::File { path: path.to_owned(), source })?;
        Self::from_bytes(&bytes)
    }

    /// Saves the model to a file: first beside it, so that a reader never sees half of it.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), ModelError> {
        let path = path.as_ref();
        let failed = |source| ModelError::File { path: path.to_owned(), source };
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        fs::write(&beside, self.to_bytes()?).map_err(failed)?;
        fs::rename(&beside, path).map_err(failed)
    }

    /// Reads a model.
    ///
    /// # Errors
    ///
    /// It is not a model, is of another version, or is damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(ModelError::NotAModel)?;
        let (version, rest) = number(rest)?;
        if version != VERSION {
            return Err(ModelError::Version { found: version, expected: VERSION });
        }
        let (sum, rest) = number(rest)?;
        if crc32fast::hash(rest) != sum {
            return Err(ModelError::Damaged);
        }
        let learned: Learned = postcard::from_bytes(rest).map_err(|_| ModelError::Damaged)?;
        if learned.is_valid() { Ok(Self::new(learned)) } else { Err(ModelError::Damaged) }
    }

    /// Writes the model.
    ///
    /// # Errors
    ///
    /// It cannot be written: this does not happen to a model that was trained or loaded.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ModelError> {
        let rest = postcard::to_stdvec(&*self.learned).map_err(|_| ModelError::Damaged)?;
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(crc32fast::hash(&rest).to_le_bytes());
        bytes.extend(rest);
        Ok(bytes)
    }
}

fn number(bytes: &[u8]) -> Result<(u32, &[u8]), ModelError> {
    let (number, rest) = bytes.split_first_chunk().ok_or(ModelError::Damaged)?;
    Ok((u32::from_le_bytes(*number), rest))
}
