use std::{io, path::PathBuf};

use thiserror::Error;

/// Why a model cannot be loaded or saved.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The file cannot be read or written.
    #[error("cannot use the model file {}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is not a model.
    #[error("this is not a routing model")]
    NotAModel,
    /// It was written by another version.
    #[error(
        "the routing model is of format {found}, and this version reads format {expected}: train it again"
    )]
    Version {
        /// The format of the file.
        found: u32,
        /// The format that is understood.
        expected: u32,
    },
    /// It has been cut short or changed.
    #[error("the routing model is damaged")]
    Damaged,
}

/// Why nothing can be learned from data.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TrainError {
    /// There is nothing to choose between, or too much.
    #[error("the data has outcomes of {0} models: 2 to 16 are needed")]
    Models(usize),
    /// There are too few outcomes to learn from.
    #[error("the data has {found} outcomes of {model}: at least {needed} are needed")]
    TooFew {
        /// The model.
        model: String,
        /// How many outcomes it has.
        found: usize,
        /// How many it needs.
        needed: usize,
    },
}
