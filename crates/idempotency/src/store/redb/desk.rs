use std::{
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use tokio::sync::{Notify, futures::OwnedNotified};

use super::{
    super::{clock::Clock, record::Run},
    file::File,
    ledger::{Here, Ledger, Op, Reply},
    live::{Going, Live},
};
use crate::StoreError;

/// Where all that is asked of a file is gathered, for one writer at a time: what came while he wrote is his next batch.
pub(super) struct Desk {
    file: Mutex<Option<File>>,
    path: std::path::PathBuf,
    clock: Clock,
    /// This process among all that had the file.
    process: u64,
    runs: AtomicU64,
    capacity: AtomicU64,
    pending: Mutex<Pending>,
    live: Arc<Live>,
    /// Told after each batch.
    written: Notify,
}

#[derive(Default)]
struct Pending {
    ops: Vec<Op>,
    /// Whether somebody writes, and will come back for more.
    writing: bool,
    /// Whether the file is to be closed: claims are refused, or he who writes would never be done.
    closing: bool,
}

// === impl Desk ===

impl Desk {
    pub(super) fn new(file: File) -> Self {
        Self {
            path: file.path.clone(),
            file: Mutex::new(Some(file)),
            clock: Clock::start(),
            process: uuid::Uuid::new_v4().as_u64_pair().0,
            runs: AtomicU64::new(0),
            capacity: AtomicU64::new(1_000_000),
            pending: Mutex::default(),
            live: Arc::default(),
            written: Notify::new(),
        }
    }

    pub(super) fn limit(&self, keys: u64) {
        self.capacity.store(keys, Relaxed);
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Numbers an execution, for which others wait from now on, should it be granted what it claims.
    pub(super) fn begin(&self) -> Going {
        self.live.begin(Run { process: self.process, number: self.runs.fetch_add(1, Relaxed) })
    }

    /// Resolves when an execution of this process has ended; `None` if it has.
    pub(super) fn end_of(&self, number: u64) -> Option<OwnedNotified> {
        self.live.end_of(number)
    }

    /// Has something done, in the order in which it is asked, on a thread that may block.
    pub(super) fn submit(self: &Arc<Self>, op: Op) {
        let mut pending = self.pending();
        if pending.closing && matches!(op, Op::Claim { .. }) {
            drop(pending);
            return op.tell(Err(closed()));
        }
        pending.ops.push(op);
        if std::mem::replace(&mut pending.writing, true) {
            return;
        }
        drop(pending);
        let desk = Arc::clone(self);
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || desk.write_all())),
            // A claim that is dropped outside of a runtime: it is given back all the same.
            Err(_) => desk.write_all(),
        }
    }

    /// Refuses claims from now on, waits until nothing is left to be written, and closes the file.
    pub(super) async fn close(&self) {
        self.pending().closing = true;
        loop {
            let written = self.written.notified();
            if self.close_if_idle() {
                return;
            }
            written.await;
        }
    }

    fn close_if_idle(&self) -> bool {
        let pending = self.pending();
        if !pending.writing {
            *self.file() = None;
        }
        !pending.writing
    }

    fn write_all(&self) {
        loop {
            self.write_batch();
            let mut pending = self.pending();
            pending.writing = !pending.ops.is_empty();
            let more = pending.writing;
            drop(pending);
            self.written.notify_waiters();
            if !more {
                return;
            }
        }
    }

    /// Does all that is asked now, with one write to the disk, and tells whoever asked.
    fn write_batch(&self) {
        let ops = std::mem::take(&mut self.pending().ops);
        match self.transact(&ops) {
            Ok(replies) => ops.into_iter().zip(replies).for_each(|(op, reply)| op.tell(Ok(reply))),
            Err(error) => {
                tracing::error!(path = %self.path.display(), %error, "idempotency keys cannot be written");
                for op in ops {
                    op.tell(Err(error.clone()));
                }
            }
        }
    }

    fn transact(&self, ops: &[Op]) -> Result<Vec<Reply>, StoreError> {
        let file = self.file();
        let file = file.as_ref().ok_or_else(closed)?;
        self.apply(file, ops).map_err(StoreError::unavailable)
    }

    fn apply(&self, file: &File, ops: &[Op]) -> Result<Vec<Reply>, redb::Error> {
        let write = file.database.begin_write()?;
        let here = Here { process: self.process, live: &self.live };
        let mut ledger = Ledger::open(&write, self.clock.now(), here, self.capacity.load(Relaxed))?;
        ledger.sweep(ops.len())?;
        let replies = ops.iter().map(|op| ledger.apply(op)).collect::<Result<_, _>>()?;
        let changed = ledger.changed();
        drop(ledger);
        if changed {
            write.commit()?;
        } else {
            write.abort()?;
        }
        Ok(replies)
    }

    fn file(&self) -> MutexGuard<'_, Option<File>> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn closed() -> StoreError {
    StoreError::unavailable("the file was closed")
}
