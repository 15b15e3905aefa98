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
        let (written, pending) = mpsc::channel(WAITING);
        let file = file.try_clone()?;
        thread::spawn(move || write(file, pending));
        Ok((Self { written }, done))
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

/// Writes what has come together, syncs it once, and only then says that it is done.
fn write(mut file: File, mut pending: mpsc::Receiver<Pending>) {
    let mut batch = Vec::new();
    while pending.blocking_recv_many(&mut batch, WAITING) > 0 {
        let lines: Vec<u8> = batch.iter().flat_map(|pending| &pending.line).copied().collect();
        let written = file.write_all(&lines).and_then(|()| file.sync_data());
        for Pending { done, .. } in batch.drain(..) {
            let told = written.as_ref().map_err(|error| io::Error::new(error.kind(), error.to_string()));
            // Who does not wait any more does not need to know.
            let _ = done.send(told.copied());
        }
    }
}
