//! A bucket that is narrower than it was set, by the server's word.

use std::time::Duration;

use super::Held;
use crate::{
    Clock,
    limits::MINUTE,
    price::{Price, Ticks, ticks},
};

/// For how long the server's word holds that is not said again.
pub(crate) const BELIEVED: Ticks = ticks(Duration::from_secs(10 * 60));

/// What was set, while the server's word is narrower.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Narrowed {
    capacity: u64,
    price: Price,
    /// The price of a token by the server's word.
    said: Price,
}

// === impl Held ===

impl<C: Clock> Held<'_, C> {
    /// Takes the server at its word, which allows so much a minute: that is the capacity and the rate, as far as they were set to more.
    /// What is there, or owed, stays.
    pub(crate) fn hear(&mut self, per_minute: u64) {
        let (capacity, price) = (self.capacity_set(), self.price_set());
        // More than any rate is more than was set.
        let Some(said) = Price::of(per_minute, MINUTE) else { return self.widen() };
        if per_minute >= capacity && said <= price {
            return self.widen();
        }
        self.line.narrowed = Some(Narrowed { capacity, price, said });
        self.resize(per_minute.min(capacity));
        self.set_price(said.max(price));
        self.core.set_allowed(per_minute);
        self.core.confirm(self.now);
    }

    /// Forgets the server's word, unless it was said again since.
    pub(crate) fn doubt(&mut self, confirmed: Ticks) {
        if self.core.confirmed() == confirmed {
            self.widen();
        }
    }

    /// Forgets the server's word.
    pub(crate) fn widen(&mut self) {
        let Some(Narrowed { capacity, price, .. }) = self.line.narrowed.take() else {
            return self.core.forget();
        };
        self.set_price(price);
        self.resize(capacity);
        self.core.forget();
    }

    /// Sets the price of a token. Where the server's word is dearer, that stays.
    pub(crate) fn set_rate(&mut self, price: Price) {
        let said = self.line.narrowed.as_mut().map_or(price, |narrowed| {
            narrowed.price = price;
            narrowed.said
        });
        self.set_price(said.max(price));
    }

    /// Sets the capacity. Where the server's word is less, that stays.
    pub(crate) fn set_capacity(&mut self, capacity: u64) {
        let capacity = self.narrow(capacity);
        self.resize(capacity);
    }

    /// Sets capacity and price, where the server's word is not less. As many are missing as before, but no more is owed than was.
    pub(crate) fn replan(&mut self, capacity: u64, price: Price) {
        self.set_rate(price);
        let capacity = self.narrow(capacity);
        let owed = self.lacking().saturating_sub(self.price.cost(self.core.capacity()));
        let most = self.price.cost(capacity).saturating_add(owed);
        self.hold(capacity, self.lacking().min(most));
    }

    /// The capacity that was set.
    pub(crate) fn capacity_set(&self) -> u64 {
        self.line.narrowed.map_or_else(|| self.core.capacity(), |narrowed| narrowed.capacity)
    }

    /// The price that was set.
    pub(crate) fn price_set(&self) -> Price {
        self.line.narrowed.map_or(self.price, |narrowed| narrowed.price)
    }

    /// What is left of a capacity by the server's word, while that is narrower than what was set.
    fn narrow(&mut self, capacity: u64) -> u64 {
        self.line.narrowed.as_mut().map_or(capacity, |narrowed| {
            narrowed.capacity = capacity;
            capacity.min(self.core.allowed())
        })
    }

    /// Changes the capacity. What is there stays, up to the new one, and so does what is owed. Who waits already for more than that is
    /// served when as much would have come.
    pub(crate) fn resize(&mut self, capacity: u64) {
        let (before, after) = (self.price.cost(self.core.capacity()), self.price.cost(capacity));
        let lacking = self.lacking().saturating_sub(before.saturating_sub(after));
        self.hold(capacity, lacking.saturating_add(after.saturating_sub(before)));
    }

    /// Changes the capacity, and has it be full in such a time.
    fn hold(&mut self, capacity: u64, lacking: Ticks) {
        if capacity == self.core.capacity() {
            return;
        }
        self.lack(lacking);
        self.core.stash.resize(capacity);
        self.core.set_capacity(capacity);
    }
}
