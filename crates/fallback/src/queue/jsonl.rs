use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    future::Future,
    path::Path,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    runtime::Handle,
    sync::oneshot::{self, error::RecvError},
};

use super::{
    Entry, Item, QueueError, Queued, Sink,
    file::Lines,
    writer::{Change, Files, Shared, State, Turn, Unwritten},
};

/// A queue in a file, a JSON object a line.
///
/// An item is safe on the disk (`fsync`) before its [`Queued`] is handed out; items that come together share one `fsync`. A line
/// that a crash has torn was never promised: it is put aside in `PATH.torn` when the queue is opened. What was seen to is
/// noted in `PATH.done`; when all has been, both files are emptied.
///
/// One process at a time may have the file open: another gets an error. Clones share it.
///
/// # Runtime
///
/// Files are written on tokio's threads for blocking work; only [`open`](Self::open) blocks. Outside of a runtime they are written on the
/// spot. Where the runtime ends before an item is written, its [`Push`] resolves to an error, and the queue serves the next runtime.
///
/// # Examples
///
/// See the [module](crate::queue).
pub struct JsonlQueue<Request>(Arc<Shared<Request>>);

/// An item on its way into the queue.
///
/// # Cancel safety
///
/// Dropping it does not take the item back.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Push {
    id: String,
    told: oneshot::Receiver<Result<(), QueueError>>,
}

/// What came of a [`drain`](JsonlQueue::drain).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drained {
    /// How many entries were seen to, and are gone.
    pub done: usize,
    /// How many are left.
    pub left: usize,
}

// === impl JsonlQueue ===

impl<Request> JsonlQueue<Request>
where
    Request: Serialize + DeserializeOwned + Clone + Send + 'static,
{
    /// Opens a queue, or creates it. Blocks while the file is read.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or written, another process has it open, or a line of it is no entry of this type.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, QueueError> {
        let path = path.as_ref();
        let mut done_path = path.to_owned().into_os_string();
        done_path.push(".done");
        let (entries, text) = Lines::open(path)?;
        let (done, done_text) = Lines::open(Path::new(&done_path))?;
        let seen: HashSet<&str> = done_text.lines().collect();
        let mut waiting = BTreeMap::new();
        for (at, line) in text.lines().enumerate() {
            let entry: Entry<Request> = serde_json::from_str(line).map_err(|error| {
                QueueError::new(format!("line {} is no entry of this queue: {error}", at + 1), path)
            })?;
            if !seen.contains(entry.id.as_str()) {
                waiting.insert(entry.id.clone(), entry);
            }
        }
        let state = State { waiting, unwritten: Vec::new(), writing: false };
        let files = Mutex::new(Files { entries, done });
        Ok(Self(Arc::new(Shared { path: path.to_owned(), files, state: Mutex::new(state) })))
    }

    /// How many entries wait for people.
    pub fn len(&self) -> usize {
        self.0.state().waiting.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What waits for people, the oldest first.
    pub fn entries(&self) -> Vec<Entry<Request>> {
        self.0.state().waiting.values().cloned().collect()
    }

    /// Notes that an entry was seen to. Resolves when that is safe; an entry that is not there is no error.
    ///
    /// # Errors
    ///
    /// When the file cannot be written: the entry still waits then.
    pub async fn done(&self, id: &str) -> Result<(), QueueError> {
        if !self.0.state().waiting.contains_key(id) {
            return Ok(());
        }
        let told = self.write(format!("{id}\n"), Change::Done(id.to_owned()));
        told.await.unwrap_or_else(|_| Err(self.0.gone()))
    }

    /// Has each entry that waits now seen to, one after the other, the oldest first.
    ///
    /// An entry is gone when the closure has returned `Ok`; one that it fails for stays for the next time. After a crash in between it
    /// comes once more: each is seen to at least once.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub async fn drain(
        &self,
        mut see_to: impl AsyncFnMut(Entry<Request>) -> Result<(), Box<dyn std::error::Error + Send + Sync>>,
    ) -> Result<Drained, QueueError> {
        let mut done = 0;
        for entry in self.entries() {
            let id = entry.id.clone();
            if see_to(entry).await.is_ok() {
                self.done(&id).await?;
                done += 1;
            }
        }
        Ok(Drained { done, left: self.len() })
    }

    /// Has a line written, by whoever is writing or else by a thread that begins to; outside of a runtime, by this one.
    fn write(&self, line: String, change: Change<Request>) -> oneshot::Receiver<Result<(), QueueError>> {
        let (tell, told) = oneshot::channel();
        if self.0.leave(Unwritten { line, change, tell }) {
            let turn = Turn::new(Arc::clone(&self.0));
            match Handle::try_current() {
                Ok(runtime) => drop(runtime.spawn_blocking(move || turn.write_all())),
                Err(_) => turn.write_all(),
            }
        }
        told
    }
}

impl<Request> Sink<Request> for JsonlQueue<Request>
where
    Request: Serialize + DeserializeOwned + Clone + Send + 'static,
{
    type Push = Push;

    fn push(&self, item: Item<Request>) -> Push {
        let entry = item.into_entry();
        let id = entry.id.clone();
        let told = match serde_json::to_string(&entry) {
            Ok(line) => self.write(line + "\n", Change::Add(entry)),
            Err(error) => {
                let (tell, told) = oneshot::channel();
                let what = "the request cannot be written as JSON";
                let _ = tell.send(Err(QueueError::caused(what, &self.0.path, error)));
                told
            }
        };
        Push { id, told }
    }
}

impl<Request> Clone for JsonlQueue<Request> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<Request> fmt::Debug for JsonlQueue<Request> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonlQueue").field("path", &self.0.path).finish_non_exhaustive()
    }
}

// === impl Push ===

impl Future for Push {
    type Output = Result<Queued, QueueError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let told = std::task::ready!(Pin::new(&mut self.told).poll(cx));
        let gone = |_: RecvError| Err(QueueError::new("the runtime ended before it was written", "(closed)"));
        Poll::Ready(told.unwrap_or_else(gone).map(|()| Queued::new(std::mem::take(&mut self.id))))
    }
}
