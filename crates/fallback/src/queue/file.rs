//! A file of lines that are appended, each whole or not at all.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use super::QueueError;

/// A file of lines, held by this process alone.
#[derive(Debug)]
pub(super) struct Lines {
    file: File,
    path: PathBuf,
    /// Up to where all lines are whole and safe.
    end: u64,
}

// === impl Lines ===

impl Lines {
    /// Opens or creates the file and reads its lines. What a crash has left of a last line is put aside.
    pub(super) fn open(path: &Path) -> Result<(Self, String), QueueError> {
        let failed = |error| QueueError::caused("cannot be opened", path, error);
        let mut options = OpenOptions::new();
        let mut file =
            options.read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(QueueError::new("another process has it open", path));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(failed)?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let torn = text.split_off(whole);
        let mut lines = Self { file, path: path.to_owned(), end: whole as u64 };
        if !torn.is_empty() {
            lines
                .put_aside(&torn)
                .map_err(|error| QueueError::caused("its torn end cannot be put aside", path, error))?;
        }
        let text = String::from_utf8(text).map_err(|_| QueueError::new("is no text: not a queue", path))?;
        sync_folder(path).map_err(failed)?;
        Ok((lines, text))
    }

    /// Appends whole lines, and returns when they are safe. After an error the file is as it was.
    pub(super) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let written = self.write(lines);
        if written.is_err() {
            self.file.set_len(self.end)?;
        }
        written
    }

    /// Forgets all lines.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.sync_data()?;
        self.end = 0;
        Ok(())
    }

    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(lines)?;
        self.file.sync_data()?;
        self.end += lines.len() as u64;
        Ok(())
    }

    /// Moves what is left of a line that was never promised to a file beside this one.
    fn put_aside(&mut self, torn: &[u8]) -> io::Result<()> {
        let mut name = self.path.clone().into_os_string();
        name.push(".torn");
        let mut aside = OpenOptions::new().append(true).create(true).open(name)?;
        aside.write_all(torn)?;
        aside.write_all(b"\n")?;
        aside.sync_data()?;
        self.file.set_len(self.end)?;
        self.file.sync_data()?;
        tracing::warn!(
            mainstay.fallback.torn_bytes = torn.len(),
            "the queue's last line was torn, and put aside"
        );
        Ok(())
    }
}

/// Makes a file's name as safe as its contents.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Where folders cannot be opened, as on Windows, a file's name is safe with its contents.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
