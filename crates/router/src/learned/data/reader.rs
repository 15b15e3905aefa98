use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
};

use flate2::read::MultiGzDecoder;
use thiserror::Error;

use super::{Dataset, line};

/// What to do about lines that cannot be understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lines {
    /// They are an error: the default.
    #[default]
    AllGood,
    /// They are left out, and listed in [`Dataset::skipped`].
    SkipBad,
}

/// A line that could not be understood.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line} {problem}")]
pub struct BadLine {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: String,
}

/// Why data could not be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// The file could not be read.
    #[error("cannot read {}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The input could not be read.
    #[error("cannot read the data")]
    Io(#[from] io::Error),
    /// Lines could not be understood: all of them, in order.
    #[error("{} of the lines cannot be understood; the first: {}", .0.len(), first(.0))]
    Bad(Vec<BadLine>),
}

// === impl Dataset ===

impl Dataset {
    /// Reads a `.jsonl` file, or one compressed with gzip if its name ends with `.gz`.
    ///
    /// # Errors
    ///
    /// The file cannot be read; or lines cannot be understood, and are not to be skipped.
    pub fn open(path: impl AsRef<Path>, lines: Lines) -> Result<Self, DatasetError> {
        let path = path.as_ref();
        let named = |source| DatasetError::File { path: path.to_owned(), source };
        let file = File::open(path).map_err(named)?;
        let read = if path.extension().is_some_and(|extension| extension == "gz") {
            Self::read(BufReader::new(MultiGzDecoder::new(file)), lines)
        } else {
            Self::read(BufReader::new(file), lines)
        };
        read.map_err(|error| if let DatasetError::Io(source) = error { named(source) } else { error })
    }

    /// Reads lines.
    ///
    /// # Errors
    ///
    /// The input cannot be read; or lines cannot be understood, and are not to be skipped.
    pub fn read(mut input: impl BufRead, lines: Lines) -> Result<Self, DatasetError> {
        let mut data = Self::default();
        let mut bytes = Vec::new();
        for number in 1.. {
            bytes.clear();
            if input.read_until(b'\n', &mut bytes)? == 0 {
                break;
            }
            if let Err(problem) = data.read_line(&bytes) {
                data.skipped.push(BadLine { line: number, problem });
            }
        }
        if lines == Lines::AllGood && !data.skipped.is_empty() {
            return Err(DatasetError::Bad(data.skipped));
        }
        Ok(data)
    }

    fn read_line(&mut self, bytes: &[u8]) -> Result<(), String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())?.trim();
        if text.is_empty() { Ok(()) } else { line::read(text, self) }
    }
}

fn first(bad: &[BadLine]) -> String {
    bad.first().map(ToString::to_string).unwrap_or_default()
}
