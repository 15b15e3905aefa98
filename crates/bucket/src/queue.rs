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

    /// Tells whether it is the end of a pause that a newcomer would wait for.
    fn is_paused_for(&self, tokens: u64) -> bool;
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
        let locked = || self.locked(|held| held.wait_for(tokens));
        self.refills().then(|| self.foresee(tokens).unwrap_or_else(locked))
    }

    fn is_paused_for(&self, tokens: u64) -> bool {
        self.locked(|held| held.is_paused_for(tokens))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::Frozen, price::Price, stash::Stash};

    const CAPACITY: u64 = 1_600;

    fn bucket(stash: Stash) -> Core<Frozen> {
        Core::new(CAPACITY, Price::UNIT, Frozen, stash)
    }

    #[test]
    fn a_look_at_the_wait_leaves_the_places_open() {
        let core = bucket(Stash::compact(CAPACITY));
        core.try_take(1).unwrap();
        let reach = core.stash.reach();
        assert_eq!(Queue::wait_for(&core, 1_000), Some(Duration::ZERO));
        assert!(reach > 0 && core.stash.reach() == reach);
        // What lies in them is told where it makes the difference.
        assert_eq!(Queue::wait_for(&core, CAPACITY - 1), Some(Duration::ZERO));
        assert_eq!(core.stash.reach(), 0);
    }

    #[test]
    fn a_look_without_the_lock_tells_the_same() {
        for (taken, tokens, waits) in
            [(0, CAPACITY, false), (1_000, 600, false), (1_000, 700, true), (2_000, 0, true)]
        {
            let core = bucket(Stash::none());
            core.charge(taken);
            let locked = core.locked(|held| held.wait_for(tokens));
            assert_eq!((Queue::wait_for(&core, tokens), !locked.is_zero()), (Some(locked), waits));
        }
        let core = bucket(Stash::none());
        core.locked(|held| held.pause(Duration::from_secs(1)));
        assert_eq!(Queue::wait_for(&core, 1), Some(Duration::from_secs(1)));
    }
}
