use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, futures::OwnedNotified};

use super::super::record::Run;

/// The executions of this process that have not ended: others wait for them. What is recorded of any other is cut off.
#[derive(Debug, Default)]
pub(super) struct Live {
    /// What tells of the end, by the execution's number.
    runs: Mutex<HashMap<u64, Arc<Notify>>>,
}

/// An execution that has not ended, until this is dropped.
#[derive(Debug)]
pub(super) struct Going {
    pub(super) run: Run,
    live: Arc<Live>,
}

// === impl Live ===

impl Live {
    pub(super) fn begin(self: &Arc<Self>, run: Run) -> Going {
        self.runs().insert(run.number, Arc::default());
        Going { run, live: Arc::clone(self) }
    }

    pub(super) fn has(&self, number: u64) -> bool {
        self.runs().contains_key(&number)
    }

    /// Resolves when an execution has ended; `None` if it has.
    pub(super) fn end_of(&self, number: u64) -> Option<OwnedNotified> {
        self.runs().get(&number).map(|end| Arc::clone(end).notified_owned())
    }

    fn runs(&self) -> MutexGuard<'_, HashMap<u64, Arc<Notify>>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Going ===

impl Drop for Going {
    fn drop(&mut self) {
        let end = self.live.runs().remove(&self.run.number);
        if let Some(end) = end {
            end.notify_waiters();
        }
    }
}
