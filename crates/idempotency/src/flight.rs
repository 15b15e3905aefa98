use std::sync::{Arc, OnceLock};

use tokio::sync::{Notify, futures::OwnedNotified};

use crate::{Fingerprint, Kept, Refused};

/// One execution under a key, and those who wait for it.
#[derive(Debug)]
pub(crate) struct Flight<T> {
    pub(crate) key: Arc<str>,
    pub(crate) fingerprint: Fingerprint,
    outcome: OnceLock<Outcome<T>>,
    landed: Arc<Notify>,
}

/// How an execution ended.
#[derive(Clone, Debug)]
pub(crate) enum Outcome<T> {
    Ended(Kept<T>),
    Refused(Refused),
    /// Whoever led it went away: another one of those who wait takes over.
    Abandoned,
}

// === impl Flight ===

impl<T> Flight<T> {
    pub(crate) fn new(key: Arc<str>, fingerprint: Fingerprint) -> Self {
        Self { key, fingerprint, outcome: OnceLock::new(), landed: Arc::default() }
    }

    /// Ends it. The first end counts.
    pub(crate) fn land(&self, outcome: Outcome<T>) {
        // A second end is the drop after the first.
        let _ = self.outcome.set(outcome);
        self.landed.notify_waiters();
    }

    pub(crate) fn outcome(&self) -> Option<&Outcome<T>> {
        self.outcome.get()
    }

    /// Resolves after the end, if it is asked for before: look at the outcome afterwards.
    pub(crate) fn landing(&self) -> OwnedNotified {
        Arc::clone(&self.landed).notified_owned()
    }
}
