use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Spares calls the wait for a server that does not answer.
#[derive(Debug)]
pub(super) struct Circuit {
    retry_every: Duration,
    open_until: Mutex<Option<Instant>>,
}

// === impl Circuit ===

impl Circuit {
    pub(super) const fn new(retry_every: Duration) -> Self {
        Self { retry_every, open_until: Mutex::new(None) }
    }

    /// Tells whether the server may be asked now. Of those who ask after it was open, one may.
    pub(super) fn admits(&self) -> bool {
        let mut open_until = self.open_until.lock().unwrap_or_else(PoisonError::into_inner);
        match *open_until {
            None => true,
            Some(until) if Instant::now() < until => false,
            Some(_) => {
                *open_until = Some(Instant::now() + self.retry_every);
                true
            }
        }
    }

    /// Tells whether nobody is to ask now.
    pub(super) fn is_open(&self) -> bool {
        let open_until = self.open_until.lock().unwrap_or_else(PoisonError::into_inner);
        open_until.is_some_and(|until| Instant::now() < until)
    }

    /// Takes note of what came of it.
    pub(super) fn record(&self, answered: bool) {
        let until = (!answered).then(|| Instant::now() + self.retry_every);
        *self.open_until.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }
}
