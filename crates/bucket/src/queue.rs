use std::{task::Waker, time::Duration};

use crate::{
    Clock, Patience,
    core::Core,
    held::{Place, Refused},
    line::Turn,
};

/// What a waiter does with a bucket, whatever the bucket's clock.
pub(crate) trait Queue {
    /// Takes tokens, or a place in the line.
    fn take_or_join(&self, tokens: u64, patience: Patience) -> Result<Option<Place>, Refused>;

    /// Fetches what was taken for a waiter; otherwise says how long it will take, if it is the first in line.
    fn fetch(&self, turn: Turn, waker: &Waker) -> Result<(), Option<Duration>>;

    /// Gives up a place in the line, or what was taken for it.
    fn leave(&self, turn: Turn);

    /// Tells whether so many may ever be taken at once.
    fn fits(&self, tokens: u64) -> bool;

    /// How long a newcomer would wait, if that can be told.
    fn wait_for(&self, tokens: u64) -> Option<Duration>;
}

// === impl Core ===

impl<C: Clock> Queue for Core<C> {
    fn take_or_join(&self, tokens: u64, patience: Patience) -> Result<Option<Place>, Refused> {
        self.locked(|held| held.take_or_join(tokens, patience))
    }

    fn fetch(&self, turn: Turn, waker: &Waker) -> Result<(), Option<Duration>> {
        self.locked(|held| held.fetch(turn, waker))
    }

    fn leave(&self, turn: Turn) {
        self.locked(|held| held.leave(turn));
    }

    fn fits(&self, tokens: u64) -> bool {
        self.fits(tokens)
    }

    fn wait_for(&self, tokens: u64) -> Option<Duration> {
        self.refills().then(|| self.locked(|held| held.wait_for(tokens)))
    }
}
