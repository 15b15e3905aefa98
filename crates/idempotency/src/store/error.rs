use std::{error::Error, path::PathBuf, sync::Arc};

type Cause = Arc<dyn Error + Send + Sync>;

/// What a [`Store`](crate::Store) cannot do, and why.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file belongs to one process at a time.
    #[error("{} is in use by another process, or opened twice by this one", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file is of another kind, or damaged. It was not changed.
    #[error("{} is no file of idempotency keys, or is damaged", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        cause: Cause,
    },
    /// The file was written by another version of this crate.
    #[error("{} is of format {found}; this version reads {reads}", path.display())]
    OtherFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// The format that is read.
        reads: u64,
    },
    /// A record is damaged. Nothing runs under its key until its time is up.
    #[error("the record of the key {key:?} is damaged: {what}")]
    Damaged {
        /// The key.
        key: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A record holds an answer that another version of the codec wrote.
    #[error("the record of the key {key:?} holds an answer of version {found}; this program reads {reads}")]
    OtherVersion {
        /// The key.
        key: String,
        /// The version that wrote it.
        found: u16,
        /// The version of the codec in use.
        reads: u16,
    },
    /// The codec does not read what is kept, or cannot write what is to be kept.
    #[error("the answer to the key {key:?} cannot be {done}")]
    Codec {
        /// The key.
        key: String,
        /// `read` or `written`.
        done: &'static str,
        /// What the codec says.
        #[source]
        cause: Cause,
    },
    /// An answer is larger than the store takes.
    #[error("the answer to the key {key:?} takes {bytes} bytes; the most is {most}")]
    TooLarge {
        /// The key.
        key: String,
        /// Its size.
        bytes: usize,
        /// The most that one may take.
        most: usize,
    },
    /// The claim was lost to another execution before this one ended.
    #[error("the claim on the key {key:?} was lost to another execution")]
    Lost {
        /// The key.
        key: String,
    },
    /// It cannot be read or written now.
    #[error("the store of idempotency keys cannot be used")]
    Unavailable(#[source] Cause),
}

// === impl StoreError ===

impl StoreError {
    /// Says that the store cannot be used now, and why.
    pub fn unavailable(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable(Arc::from(cause.into()))
    }
}
