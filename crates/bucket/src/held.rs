mod narrow;

use std::{task::Waker, time::Duration};

pub(crate) use self::narrow::{BELIEVED, Narrowed};

use crate::{
    Clock, Patience,
    core::Core,
    line::{Left, Line, Turn},
    price::{LAST, Price, Ticks, time},
};

/// A bucket whose line is locked and whose stash is closed: its balance is exact, and nobody else moves it.
pub(crate) struct Held<'a, C> {
    core: &'a Core<C>,
    line: &'a mut Line,
    full_at: Ticks,
    price: Price,
    now: Ticks,
    wakers: Wakers,
}

/// What is left to do when the lock is free again: a waker that is woken or dropped may do anything.
#[derive(Debug, Default)]
pub(crate) struct Wakers {
    woken: Vec<Waker>,
    stale: Vec<Waker>,
}

/// A place in the line, and the wait until it is served, as far as can be told now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) turn: Turn,
    pub(crate) wait: Duration,
}

/// Why somebody may not wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It would take so long.
    TooLong(Duration),
    /// As many as may wait do.
    LineFull,
}

// === impl Wakers ===

impl Wakers {
    pub(crate) fn wake(self) {
        self.woken.into_iter().for_each(Waker::wake);
        drop(self.stale);
    }
}

// === impl Held ===

impl<'a, C: Clock> Held<'a, C> {
    /// For who has the line's lock.
    pub(crate) fn new(core: &'a Core<C>, line: &'a mut Line) -> Self {
        let word = core.hold();
        let (now, price) = (core.now(), core.price());
        let mut full_at = word.full_at();
        if !word.held() {
            let closed = core.stash.close();
            full_at = full_at.max(now.saturating_add(price.cost(closed.reach)));
            full_at = full_at.saturating_sub(price.cost(closed.tokens));
        }
        Self { core, line, full_at, price, now, wakers: Wakers::default() }
    }

    /// Serves as many as can be served, in their order, and sees that the next one knows how long to wait.
    pub(crate) fn serve(&mut self) {
        while let Some((turn, tokens)) = self.line.first() {
            let due = self.due(tokens);
            if due > self.now {
                let waker = self.line.arm(turn, due);
                return self.wakers.woken.extend(waker);
            }
            self.spend(tokens);
            let waker = self.line.serve_first();
            self.wakers.woken.extend(waker);
        }
    }

    /// Takes tokens, if they are there and nobody waits; otherwise says how long it would take.
    pub(crate) fn take(&mut self, tokens: u64) -> Result<(), Duration> {
        if !self.line.is_empty() || self.due(tokens) > self.now {
            return Err(self.wait_for(tokens));
        }
        self.spend(tokens);
        Ok(())
    }

    /// Takes tokens, or a place in the line.
    pub(crate) fn take_or_join(&mut self, tokens: u64, patience: Patience) -> Result<Option<Place>, Refused> {
        let Err(wait) = self.take(tokens) else { return Ok(None) };
        if self.core.refills() && wait > patience.wait {
            return Err(Refused::TooLong(wait));
        }
        if self.line.len() >= patience.waiters {
            return Err(Refused::LineFull);
        }
        Ok(Some(Place { turn: self.line.join(tokens), wait }))
    }

    /// Gives up a place in the line, or what was taken for it.
    pub(crate) fn leave(&mut self, turn: Turn) {
        match self.line.leave(turn) {
            Some(Left::Served(tokens)) => self.refund(tokens),
            Some(Left::Waiting(waker)) => self.wakers.stale.extend(waker),
            None => {}
        }
    }

    pub(crate) fn refund(&mut self, tokens: u64) {
        self.full_at = self.full_at.saturating_sub(self.price.cost(tokens));
    }

    /// Takes tokens whether they are there or not, until it is full only after so long.
    pub(crate) fn charge(&mut self, tokens: u64, longest: impl Fn(Price) -> Ticks) {
        let most = self.full_at.max(self.now.saturating_add(longest(self.price)));
        self.spend(tokens);
        self.full_at = self.full_at.min(most);
    }

    /// Takes tokens as far as they are there, and tells how many.
    #[cfg(feature = "redis")]
    pub(crate) fn drain(&mut self, tokens: u64) -> u64 {
        let full = self.now.saturating_add(self.price.cost(self.core.capacity()));
        let there = self.price.tokens(full.saturating_sub(self.full_at.max(self.now)));
        let taken = tokens.min(there);
        self.spend(taken);
        taken
    }

    /// Changes the price of a token. What is there, or owed, stays.
    pub(crate) fn set_price(&mut self, price: Price) {
        if price == self.price {
            return;
        }
        self.lack(price.convert(self.lacking(), self.price));
        self.price = price;
        self.core.set_price(price);
    }

    /// Lets nobody take before an instant. Of two such instants the later counts.
    pub(crate) fn pause(&mut self, time: Duration) {
        let until = self.now.saturating_add(crate::price::ticks(time)).min(LAST);
        self.line.paused_until = self.line.paused_until.max(until);
    }

    /// Fetches what was taken for a waiter; otherwise says how long it will take, if it is the first in line.
    pub(crate) fn fetch(&mut self, turn: Turn, waker: &Waker) -> Result<(), Option<Duration>> {
        if self.line.fetch(turn) {
            return Ok(());
        }
        self.wakers.stale.extend(self.line.watch(turn, waker));
        let first = self.line.first().filter(|(first, _)| *first == turn);
        Err(first.map(|(_, tokens)| self.time_until(self.due(tokens))))
    }

    /// How long a newcomer would wait.
    pub(crate) fn wait_for(&self, tokens: u64) -> Duration {
        self.time_until(self.due_behind_all(tokens))
    }

    /// Whether a newcomer would wait for the end of a pause, and no longer.
    pub(crate) fn is_paused_for(&self, tokens: u64) -> bool {
        let until = self.line.paused_until;
        until > self.now && self.due_behind_all(tokens) == until
    }

    /// Serves who can be served now, takes the bit back unless somebody waits, and returns what to do without the lock.
    pub(crate) fn finish(mut self) -> Wakers {
        self.serve();
        let held = !self.line.is_empty() || self.line.paused_until > self.now;
        self.core.put(self.full_at, held);
        self.wakers
    }

    /// The time that it takes until it is full.
    fn lacking(&self) -> Ticks {
        self.full_at.saturating_sub(self.now)
    }

    /// Has it be full in such a time.
    ///
    /// The instant always moves: who has seen it together with the old price or capacity must not find it again. Of a full bucket it
    /// moves back, which changes nothing; else by a tick, where it would stay by rounding.
    fn lack(&mut self, lacking: Ticks) {
        let full_at = self.now.saturating_add(lacking);
        self.full_at = match lacking {
            _ if full_at != self.core.full_at() => full_at.min(LAST),
            0 => full_at.saturating_sub(1),
            _ => full_at.saturating_add(1).min(LAST),
        };
    }

    fn spend(&mut self, tokens: u64) {
        self.full_at = self.full_at.max(self.now).saturating_add(self.price.cost(tokens)).min(LAST);
    }

    /// When a newcomer is served: behind those who wait.
    fn due_behind_all(&self, tokens: u64) -> Ticks {
        self.due(self.line.wanted().saturating_add(tokens))
    }

    fn due(&self, tokens: u64) -> Ticks {
        let burst = self.price.cost(self.core.capacity());
        // During a pause it fills up to its capacity, and no further.
        let full_at = self.full_at.max(self.line.paused_until);
        let due = full_at.saturating_add(self.price.cost(tokens)).saturating_sub(burst).min(LAST);
        // Nobody knows when something is given back.
        let due = if self.core.refills() || due <= self.now { due } else { LAST };
        due.max(self.line.paused_until)
    }

    fn time_until(&self, due: Ticks) -> Duration {
        time(due.saturating_sub(self.now))
    }
}
