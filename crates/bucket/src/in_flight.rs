use std::fmt;

use crate::{clock::Frozen, core::Core};

/// A number of calls at the same time: a bucket that only the calls' ends refill.
pub(crate) struct InFlight(Core<Frozen>);

// === impl InFlight ===

impl InFlight {
    pub(crate) fn new(calls: u32) -> Self {
        Self(Core::semaphore(calls.into()))
    }

    pub(crate) const fn core(&self) -> &Core<Frozen> {
        &self.0
    }
}

impl fmt::Debug for InFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InFlight")
            .field("most", &self.0.capacity())
            .field("available", &self.0.available())
            .finish_non_exhaustive()
    }
}
