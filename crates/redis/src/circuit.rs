use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Spares calls the wait for a server that does not answer.
#[derive(Debug, Default)]
pub(crate) struct Circuit {
    open_until: Mutex<Option<Instant>>,
}

// === impl Circuit ===

impl Circuit {
    /// Tells whether the server may be asked now. Of those who ask after it was open, one may.
    pub(crate) fn admits(&self, retry_every: Duration) -> bool {
        let mut open_until = self.open_until();
        match *open_until {
            None => true,
            Some(until) if Instant::now() < until => false,
            Some(_) => {
                *open_until = Some(after(retry_every));
                true
            }
        }
    }

    /// Tells whether nobody is to ask now.
    pub(crate) fn is_open(&self) -> bool {
        self.open_until().is_some_and(|until| Instant::now() < until)
    }

    pub(crate) fn close(&self) {
        *self.open_until() = None;
    }

    pub(crate) fn open(&self, time: Duration) {
        *self.open_until() = Some(after(time));
    }

    fn open_until(&self) -> MutexGuard<'_, Option<Instant>> {
        self.open_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The moment after a time; a time without end ends in thirty years.
fn after(time: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
    let now = Instant::now();
    now.checked_add(time).unwrap_or_else(|| now + FAR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_may_stay_open_without_end() {
        let circuit = Circuit::default();
        circuit.open(Duration::MAX);
        assert!(circuit.is_open() && !circuit.admits(Duration::MAX));
        circuit.open(Duration::ZERO);
        assert!(circuit.admits(Duration::MAX), "one may ask");
        assert!(circuit.is_open());
    }
}
