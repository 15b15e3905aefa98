use std::{
    collections::HashSet,
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    path::Path,
    thread,
};

use anyhow::{Context, Result};
use mainstay::ChatResponse;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

/// How many answers wait for the disk before those who bring more must wait.
const WAITING: usize = 1_024;

/// The file of answers, one a line, which is only ever added to.
///
/// Many answers that come together are written and synced together, so that the disk does not set the pace.
#[derive(Debug)]
pub struct Results {
    written: mpsc::Sender<Pending>,
}

/// A line of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    /// The name of the line that was asked.
    pub id: String,
    /// Its key.
    pub key: String,
    /// The answer.
    pub response: ChatResponse,
}

#[derive(Debug)]
struct Pending {
    line: Vec<u8>,
    done: oneshot::Sender<io::Result<()>>,
}

/// All that a resumed run needs to know of a line.
#[derive(Deserialize)]
struct Done {
    key: String,
}

// === impl Results ===

impl Results {
    /// Opens the file, or begins it; returns the keys that have been answered. What a crash has left of a last line is
    /// cut off: nobody was told that it was done.
    ///
    /// # Errors
    ///
    /// The file cannot be used, another process writes to it, or it holds something else.
    pub fn open(path: &Path) -> Result<(Self, HashSet<String>)> {
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(path);
        let file = file.as_mut().map_err(|error| io::Error::new(error.kind(), error.to_string()));
        let file = file.with_context(|| format!("cannot open {}", path.display()))?;
        file.try_lock().with_context(|| format!("another process writes to {}", path.display()))?;
        let done = whole_lines(file).with_context(|| path.display().to_string())?;
        let end = file.metadata()?.len();
        Ok((Self::on(file.try_clone()?, end), done))
    }

    /// Begins to write where whole lines end.
    fn on(disk: impl Disk, end: u64) -> Self {
        let (written, pending) = mpsc::channel(WAITING);
        thread::spawn(move || write(disk, end, pending));
        Self { written }
    }

    /// Adds an answer. Returns when it will be there after a crash.
    ///
    /// # Errors
    ///
    /// The disk's.
    ///
    /// # Cancel safety
    ///
    /// Dropped, the answer may be there or not.
    pub async fn append(&self, answered: &Answered) -> io::Result<()> {
        let mut line = serde_json::to_vec(answered)?;
        line.push(b'\n');
        let (done, told) = oneshot::channel();
        let gone = || io::Error::other("the thread that writes the answers has ended");
        self.written.send(Pending { line, done }).await.map_err(|_| gone())?;
        told.await.map_err(|_| gone())?
    }
}

fn whole_lines(file: &mut File) -> Result<HashSet<String>> {
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    if whole < text.len() {
        file.set_len(whole as u64)?;
        text.truncate(whole);
    }
    let lines = text.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty());
    lines
        .map(|(at, line)| {
            let done: Done =
                serde_json::from_slice(line).with_context(|| format!("line {} is no answer", at + 1))?;
            Ok(done.key)
        })
        .collect()
}

/// What the lines are written to.
trait Disk: Write + Send + 'static {
    /// Returns when what was written will be there after a crash.
    fn sync(&mut self) -> io::Result<()>;

    /// Forgets all but so many bytes, behind which the next are written.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

impl Disk for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length).and_then(|()| self.sync_data())
    }
}

/// Writes what has come together, syncs it once, and only then says that it is done. What was written of lines that cannot be is cut off
/// again, so that the next begin a line; ends where not even that can be done.
fn write(mut disk: impl Disk, mut end: u64, mut pending: mpsc::Receiver<Pending>) {
    let mut batch = Vec::new();
    while pending.blocking_recv_many(&mut batch, WAITING) > 0 {
        let lines: Vec<u8> = batch.iter().flat_map(|pending| &pending.line).copied().collect();
        let written = disk.write_all(&lines).and_then(|()| disk.sync());
        let whole = if written.is_ok() { Ok(end + lines.len() as u64) } else { disk.cut(end).map(|()| end) };
        for Pending { done, .. } in batch.drain(..) {
            let told = written.as_ref().map_err(|error| io::Error::new(error.kind(), error.to_string()));
            // Who does not wait any more does not need to know.
            let _ = done.send(told.copied());
        }
        let Ok(whole) = whole else { return };
        end = whole;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may fail loudly")]
mod tests {
    use super::*;

    /// A disk that is full for the second line, halfway.
    struct Full {
        file: File,
        lines: u32,
        cuts: bool,
    }

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.lines += 1;
            match self.lines {
                2 => self.file.write(bytes.get(..bytes.len() / 2).unwrap()),
                3 => Err(io::ErrorKind::StorageFull.into()),
                _ => self.file.write(bytes),
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            self.file.flush()
        }
    }

    impl Disk for Full {
        fn sync(&mut self) -> io::Result<()> {
            self.file.sync()
        }

        fn cut(&mut self, length: u64) -> io::Result<()> {
            if self.cuts { self.file.cut(length) } else { Err(io::ErrorKind::StorageFull.into()) }
        }
    }

    fn answered(key: &str) -> Answered {
        Answered { id: key.to_owned(), key: key.to_owned(), response: ChatResponse::from_text("m", "Yes.") }
    }

    /// Appends three answers to a disk that is full for the second, and returns what came of each, and the keys that the next run finds.
    async fn appended(cuts: bool) -> (Vec<Option<String>>, HashSet<String>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answers.jsonl");
        let file = OpenOptions::new().create(true).append(true).open(&path).unwrap();
        let results = Results::on(Full { file, lines: 0, cuts }, 0);
        let mut errors = Vec::new();
        for key in ["a", "b", "c"] {
            errors.push(results.append(&answered(key)).await.err().map(|error| error.to_string()));
        }
        let (_, done) = Results::open(&path).unwrap();
        (errors, done)
    }

    #[tokio::test]
    async fn a_write_that_fails_halfway_leaves_a_file_that_can_be_resumed() {
        let (errors, done) = appended(true).await;
        let full = io::Error::from(io::ErrorKind::StorageFull).to_string();
        assert_eq!(errors, [None, Some(full), None]);
        assert_eq!(done, ["a", "c"].map(str::to_owned).into());
    }

    #[tokio::test]
    async fn nothing_is_written_behind_half_a_line() {
        let (errors, done) = appended(false).await;
        assert!(errors.iter().flatten().last().unwrap().contains("has ended"), "{errors:?}");
        assert_eq!(done, ["a"].map(str::to_owned).into());
    }
}
