use std::{collections::BTreeMap, task::Waker};

use crate::{held::Narrowed, price::Ticks};

/// Those who wait for tokens, in the order in which they came.
///
/// It holds who waits for how much, and for whom tokens were taken that he has not fetched yet. When tokens are due is the
/// bucket's to say.
#[derive(Debug, Default)]
pub(crate) struct Line {
    next: Turn,
    waiting: BTreeMap<Turn, Waiter>,
    served: BTreeMap<Turn, u64>,
    /// What all who wait wait for, together.
    wanted: u64,
    /// The first in line, and the instant for which it has set its timer.
    armed: Option<(Turn, Ticks)>,
    /// Nobody is served before.
    pub(crate) paused_until: Ticks,
    /// What was set, while the server's word is narrower.
    pub(crate) narrowed: Option<Narrowed>,
}

/// A place in the line. A lower one comes first.
pub(crate) type Turn = u64;

#[derive(Debug)]
struct Waiter {
    tokens: u64,
    waker: Option<Waker>,
}

/// What had been the matter with a waiter who went away.
#[derive(Debug)]
pub(crate) enum Left {
    /// It waited, to be woken thus.
    Waiting(Option<Waker>),
    /// So many tokens were taken for it.
    Served(u64),
}

// === impl Line ===

impl Line {
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// What all who wait wait for, together.
    pub(crate) fn wanted(&self) -> u64 {
        self.wanted
    }

    pub(crate) fn join(&mut self, tokens: u64) -> Turn {
        let turn = self.next;
        self.next += 1;
        self.wanted = self.wanted.saturating_add(tokens);
        self.waiting.insert(turn, Waiter { tokens, waker: None });
        turn
    }

    /// The first in line, and what it waits for.
    pub(crate) fn first(&self) -> Option<(Turn, u64)> {
        self.waiting.first_key_value().map(|(turn, waiter)| (*turn, waiter.tokens))
    }

    /// Serves the first in line, and returns whom to wake.
    pub(crate) fn serve_first(&mut self) -> Option<Waker> {
        let (turn, waiter) = self.waiting.pop_first()?;
        self.wanted = self.wanted.saturating_sub(waiter.tokens);
        self.served.insert(turn, waiter.tokens);
        waiter.waker
    }

    /// Takes note of what the first in line is to wait for, and returns whom to wake, unless it knows.
    pub(crate) fn arm(&mut self, turn: Turn, due: Ticks) -> Option<Waker> {
        if self.armed == Some((turn, due)) {
            return None;
        }
        self.armed = Some((turn, due));
        self.waiting.get(&turn)?.waker.clone()
    }

    /// Fetches what was taken for a waiter, if it was.
    pub(crate) fn fetch(&mut self, turn: Turn) -> bool {
        self.served.remove(&turn).is_some()
    }

    /// Takes note of how to wake a waiter, and returns how it was to be woken before.
    pub(crate) fn watch(&mut self, turn: Turn, waker: &Waker) -> Option<Waker> {
        let waiter = self.waiting.get_mut(&turn)?;
        match &mut waiter.waker {
            Some(known) if known.will_wake(waker) => None,
            slot => slot.replace(waker.clone()),
        }
    }

    /// Gives up a place in the line, or what was taken for it.
    pub(crate) fn leave(&mut self, turn: Turn) -> Option<Left> {
        if let Some(waiter) = self.waiting.remove(&turn) {
            self.wanted = self.wanted.saturating_sub(waiter.tokens);
            return Some(Left::Waiting(waiter.waker));
        }
        self.served.remove(&turn).map(Left::Served)
    }
}
