//! The path that does not wait: from the thread's own place, or from the balance by compare-and-swap.

use std::time::Duration;

use crate::{
    Clock, TooLarge, TryAcquireError,
    core::Core,
    price::{LAST, Price, Ticks, time},
    stash::Filling,
    word::Word,
};

/// What came of a taking that takes no lock.
enum Taken {
    Yes,
    /// It would be there after a while.
    No(Duration),
    /// Only who has the lock can tell.
    Unknown,
}

/// One look at the balance.
struct Look {
    word: Word,
    now: Ticks,
    price: Price,
}

// === impl Core ===

impl<C: Clock> Core<C> {
    #[inline]
    pub(crate) fn try_take(&self, tokens: u64) -> Result<(), TryAcquireError> {
        if self.stash.take(tokens) { Ok(()) } else { self.try_take_shared(tokens) }
    }

    fn try_take_shared(&self, tokens: u64) -> Result<(), TryAcquireError> {
        if !self.fits(tokens) {
            return Err(TooLarge { wanted: tokens, capacity: self.capacity() }.into());
        }
        if tokens == 0 {
            return Ok(());
        }
        match self.take_shared(tokens) {
            Taken::Yes => Ok(()),
            Taken::No(wait) => Err(TryAcquireError::NotYet(wait)),
            Taken::Unknown => self.locked(|held| held.take(tokens)).map_err(TryAcquireError::NotYet),
        }
    }

    /// How long a newcomer would wait, if that can be told without the lock, for which the places would be closed.
    pub(crate) fn foresee(&self, tokens: u64) -> Option<Duration> {
        let look = Look { word: self.word(), now: self.now(), price: self.price() };
        if look.word.held() {
            return None;
        }
        match self.offer(tokens, &look, None) {
            Ok(_) | Err(Taken::Yes) => Some(Duration::ZERO),
            Err(Taken::No(wait)) => Some(wait),
            Err(Taken::Unknown) => None,
        }
    }

    fn take_shared(&self, tokens: u64) -> Taken {
        let mut filling = None;
        loop {
            let look = Look { word: self.word(), now: self.now(), price: self.price() };
            if look.word.held() {
                return Taken::Unknown;
            }
            if !self.may_fill(tokens, &look) {
                filling = None;
            } else if filling.is_none() {
                filling = self.stash.begin();
            }
            let next = match self.offer(tokens, &look, filling.as_ref()) {
                Ok(next) => next,
                Err(refused) => return refused,
            };
            if self.exchange(look.word, next) {
                if let Some(filling) = filling {
                    filling.fill();
                }
                return Taken::Yes;
            }
        }
    }

    /// The word after a taking, for which a place may be filled besides.
    fn offer(&self, tokens: u64, look: &Look, filling: Option<&Filling<'_>>) -> Result<Word, Taken> {
        let &Look { word, now, price } = look;
        // The place that is being opened holds nothing yet but what it will be given here.
        // Where the stash was shut meanwhile, none reaches anywhere, and the word has changed.
        let reach = self.stash.reach().saturating_sub(filling.map_or(0, Filling::opened));
        let base = word.full_at().max(now.saturating_add(price.cost(reach)));
        let (need, burst) = (price.cost(tokens), price.cost(self.capacity()));
        let missing = base.saturating_add(need).saturating_sub(now + burst);
        match missing {
            0 => {
                let taken = price.cost(tokens + filling.map_or(0, Filling::room));
                Ok(Word::new(base.saturating_add(taken).min(LAST), false))
            }
            // There may be enough in the places.
            _ if reach > 0 => Err(Taken::Unknown),
            _ => Err(Taken::No(time(missing))),
        }
    }

    /// Places are filled while more than a quarter of the capacity is there: below, each token is taken as it comes, so
    /// that none lies in another thread's place when the last are asked for.
    fn may_fill(&self, tokens: u64, look: &Look) -> bool {
        let capacity = self.capacity();
        let above = capacity - capacity / 4;
        self.stash.suits(tokens) && look.word.full_at() < look.now.saturating_add(look.price.cost(above))
    }
}
