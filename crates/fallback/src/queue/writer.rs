use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

use super::{Entry, QueueError, file::Lines};

/// What the handles of a queue share, and who writes for all of them.
pub(super) struct Shared<Request> {
    pub(super) path: PathBuf,
    pub(super) files: Mutex<Files>,
    pub(super) state: Mutex<State<Request>>,
}

pub(super) struct Files {
    pub(super) entries: Lines,
    pub(super) done: Lines,
}

pub(super) struct State<Request> {
    /// What waits for people, in the order in which it came.
    pub(super) waiting: BTreeMap<String, Entry<Request>>,
    /// What waits to be written.
    pub(super) unwritten: Vec<Unwritten<Request>>,
    /// Whether somebody is writing, and will come back for more.
    pub(super) writing: bool,
}

/// Somebody's turn to write for all. If it ends before all is written, as where a runtime shuts down, those who wait are told.
pub(super) struct Turn<Request>(Option<Arc<Shared<Request>>>);

pub(super) struct Unwritten<Request> {
    pub(super) line: String,
    /// The entry that waits when the line is safe; or the one that is done then.
    pub(super) change: Change<Request>,
    pub(super) tell: oneshot::Sender<Result<(), QueueError>>,
}

/// Somebody who waits for a line to be safe, and what to tell them.
pub(super) struct Told {
    pub(super) tell: oneshot::Sender<Result<(), QueueError>>,
    pub(super) outcome: Result<(), QueueError>,
}

pub(super) enum Change<Request> {
    Add(Entry<Request>),
    Done(String),
}

// === impl Shared ===

impl<Request> Shared<Request> {
    /// Writes what waits to be written now, with one `fsync` for each file; tells whether more has come meanwhile.
    fn write_batch(&self) -> (Vec<Told>, bool) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let batch = std::mem::take(&mut self.state().unwritten);
        let (adds, dones): (Vec<_>, Vec<_>) =
            batch.into_iter().partition(|it| matches!(it.change, Change::Add(_)));
        let mut told = self.settle(adds, |lines| files.entries.append(lines));
        told.extend(self.settle(dones, |lines| files.done.append(lines)));
        self.compact(&mut files);
        let mut state = self.state();
        state.writing = !state.unwritten.is_empty();
        (told, state.writing)
    }

    fn settle(
        &self,
        batch: Vec<Unwritten<Request>>,
        append: impl FnOnce(&[u8]) -> io::Result<()>,
    ) -> Vec<Told> {
        if batch.is_empty() {
            return Vec::new();
        }
        let lines: String = batch.iter().map(|it| it.line.as_str()).collect();
        let outcome = append(lines.as_bytes())
            .map_err(|error| QueueError::caused("cannot be written", &self.path, error));
        let mut state = self.state();
        let told = batch.into_iter().map(|Unwritten { change, tell, .. }| {
            match change {
                Change::Add(entry) if outcome.is_ok() => drop(state.waiting.insert(entry.id.clone(), entry)),
                Change::Done(id) if outcome.is_ok() => drop(state.waiting.remove(&id)),
                Change::Add(_) | Change::Done(_) => {}
            }
            Told { tell, outcome: outcome.clone() }
        });
        told.collect()
    }

    /// Empties the files when nothing waits: first the entries, so that none comes back. What fails is tried the next time.
    fn compact(&self, files: &mut Files) {
        if self.state().waiting.is_empty() && files.entries.clear().is_ok() {
            let _ = files.done.clear();
        }
    }

    /// Leaves something to be written; true if nobody is writing, so that the caller has to.
    pub(super) fn leave(&self, unwritten: Unwritten<Request>) -> bool {
        let mut state = self.state();
        state.unwritten.push(unwritten);
        !std::mem::replace(&mut state.writing, true)
    }

    /// Lets the next one who comes write, and returns what nobody has written.
    fn give_up(&self) -> Vec<Unwritten<Request>> {
        let mut state = self.state();
        state.writing = false;
        std::mem::take(&mut state.unwritten)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State<Request>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn gone(&self) -> QueueError {
        QueueError::new("the runtime ended before it was written", &self.path)
    }
}

// === impl Turn ===

impl<Request> Turn<Request> {
    /// Takes the turn of a queue whose state says that somebody is writing.
    pub(super) const fn new(shared: Arc<Shared<Request>>) -> Self {
        Self(Some(shared))
    }

    /// Writes until nothing is left to be written.
    ///
    /// Those who wait for the last batch are told when this no longer holds the files, so that who drops the queue then has
    /// closed it.
    pub(super) fn write_all(mut self) {
        while let Some(shared) = &self.0 {
            let (told, more) = shared.write_batch();
            if !more {
                self.0 = None;
            }
            told.into_iter().for_each(Told::tell);
        }
    }
}

impl<Request> Drop for Turn<Request> {
    fn drop(&mut self) {
        let Some(shared) = self.0.take() else { return };
        let gone = shared.gone();
        let unwritten = shared.give_up();
        drop(shared);
        for Unwritten { tell, .. } in unwritten {
            Told { tell, outcome: Err(gone.clone()) }.tell();
        }
    }
}

// === impl Told ===

impl Told {
    fn tell(self) {
        // Whoever has gone away does not need to know.
        let _ = self.tell.send(self.outcome);
    }
}
