use std::{error::Error, sync::Arc};

use super::end::End;
use crate::{Codec, Json, Kept, StoreError};

/// How answers are written, and how large one may be.
pub(crate) struct Written<C> {
    codec: Arc<C>,
    max_bytes: usize,
}

// === impl Written ===

impl Written<Json> {
    pub(crate) fn new() -> Self {
        Self { codec: Arc::default(), max_bytes: 4 << 20 }
    }
}

impl<C> Written<C> {
    pub(crate) fn codec<D>(self, codec: D) -> Written<D> {
        Written { codec: Arc::new(codec), max_bytes: self.max_bytes }
    }

    pub(crate) const fn max_bytes(&mut self, bytes: usize) {
        self.max_bytes = bytes;
    }

    /// What is to be written at an execution's end.
    pub(crate) fn end<T>(&self, key: &str, kept: &Kept<T>) -> Result<End, StoreError>
    where
        C: Codec<T>,
    {
        let answer = match kept {
            Kept::Answered(answer) => answer,
            Kept::Failed(fault) => return Ok(End::Failed(*fault)),
        };
        let written = self.codec.encode(answer);
        let bytes = written.map_err(|cause| codec_error(key, "written", cause))?;
        if bytes.len() > self.max_bytes {
            return Err(StoreError::TooLarge { key: key.into(), bytes: bytes.len(), most: self.max_bytes });
        }
        Ok(End::Answered { version: self.codec.version(), bytes })
    }

    /// How an execution ended, as it was written.
    pub(crate) fn kept<T>(&self, key: &str, end: End) -> Result<Kept<T>, StoreError>
    where
        C: Codec<T>,
    {
        let reads = self.codec.version();
        match end {
            End::Failed(fault) => Ok(Kept::Failed(fault)),
            End::Answered { version, .. } if version != reads => {
                Err(StoreError::OtherVersion { key: key.into(), found: version, reads })
            }
            End::Answered { bytes, .. } => {
                let read = self.codec.decode(&bytes);
                read.map(Kept::Answered).map_err(|cause| codec_error(key, "read", cause))
            }
        }
    }
}

impl<C> Clone for Written<C> {
    fn clone(&self) -> Self {
        Self { codec: Arc::clone(&self.codec), max_bytes: self.max_bytes }
    }
}

fn codec_error(key: &str, done: &'static str, cause: Box<dyn Error + Send + Sync>) -> StoreError {
    StoreError::Codec { key: key.into(), done, cause: cause.into() }
}
