use std::{sync::Arc, time::Duration};

use crate::{
    Asked, Claimed, Hold, Kept, Refused, StoreFuture,
    flight::{Flight, Outcome},
    shelf::Shelf,
};

/// The right to run under a key. Dropped without an end, it passes the right on.
pub(crate) struct Lead<T> {
    shelf: Arc<Shelf<T>>,
    flight: Arc<Flight<T>>,
    /// The same right, as a store grants it.
    hold: Option<Box<dyn Hold<T>>>,
}

// === impl Lead ===

impl<T> Lead<T> {
    pub(crate) const fn new(shelf: Arc<Shelf<T>>, flight: Arc<Flight<T>>) -> Self {
        Self { shelf, flight, hold: None }
    }

    /// Asks the store for the right, if there is one.
    pub(crate) fn claim(&self, retry_unknown: bool) -> Option<StoreFuture<Claimed<T>>> {
        let store = self.shelf.rules.backing.as_ref()?;
        let asked = Asked::new(Arc::clone(&self.flight.key), self.flight.fingerprint);
        Some(store.claim(Asked { ttl: self.shelf.rules.ttl, retry_unknown, ..asked }))
    }

    /// Notes that the store grants it.
    pub(crate) fn granted(&mut self, hold: Box<dyn Hold<T>>) {
        self.hold = Some(hold);
    }

    /// Has the store keep how the execution ended, if it is to be kept and there is a store.
    pub(crate) fn keep(&mut self, kept: &Kept<T>) -> Option<StoreFuture<()>> {
        let hold = self.hold.take_if(|_| self.shelf.rules.keeps(kept))?;
        Some(hold.keep(kept))
    }

    /// Ends without an execution, and tells those who wait why.
    pub(crate) fn refused(self, refused: Refused) {
        self.end_as(Outcome::Refused(refused));
    }

    /// Frees the key and tells those who wait, in this order.
    fn end_as(&self, outcome: Outcome<T>) {
        self.shelf.free(&self.flight.key, &self.flight);
        self.flight.land(outcome);
    }

    pub(crate) fn key(&self) -> &str {
        &self.flight.key
    }
}

impl<T: Clone> Lead<T> {
    /// Ends: what is to be kept is recorded, and all who wait are told.
    pub(crate) fn ended(self, kept: Kept<T>) {
        if self.shelf.rules.keeps(&kept) {
            self.known(kept, Duration::ZERO);
        } else if kept.is_out_of_time() {
            // The leader's time is not that of those who wait: one of them takes over.
            self.end_as(Outcome::Abandoned);
        } else {
            self.end_as(Outcome::Ended(kept));
        }
    }

    /// Records how an execution has ended so long ago, here or elsewhere.
    pub(crate) fn known(self, kept: Kept<T>, age: Duration) {
        self.shelf.record(&self.flight.key, kept.clone(), age);
        self.flight.land(Outcome::Ended(kept));
    }
}

impl<T> Drop for Lead<T> {
    fn drop(&mut self) {
        if self.flight.outcome().is_none() {
            self.end_as(Outcome::Abandoned);
        }
    }
}
