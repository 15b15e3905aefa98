//! The model: a queue and exact arithmetic, as simple as can be.

use std::collections::VecDeque;

/// A bucket in 1,024ths of a millisecond; its prices are whole milliseconds.
pub(crate) struct Reference {
    pub(crate) capacity: i128,
    price: i128,
    now: i128,
    full_at: i128,
    paused_until: i128,
    pub(crate) queue: VecDeque<(usize, i128)>,
    /// What was taken and when, charges and refunds counted, and whether it was taken for being there.
    taken: Vec<(i128, i128, bool)>,
    refills: Vec<(i128, i128)>,
}

const UNIT: i128 = 1024;

impl Reference {
    pub(crate) fn new(capacity: u64, price: u64) -> Self {
        let price = i128::from(price) * UNIT;
        Self {
            capacity: i128::from(capacity),
            price,
            now: 0,
            full_at: 0,
            paused_until: 0,
            queue: VecDeque::new(),
            taken: Vec::new(),
            refills: vec![(0, price)],
        }
    }

    pub(crate) fn advance(&mut self, millis: u64) {
        self.now += i128::from(millis) * UNIT;
    }

    /// What is missing to take so many: in time; not more than nothing when they are there.
    pub(crate) fn missing(&self, tokens: i128) -> i128 {
        self.full_at.max(self.now) + tokens * self.price - self.capacity * self.price - self.now
    }

    pub(crate) fn paused(&self) -> bool {
        self.paused_until > self.now
    }

    /// Whether a taking is due even if the bucket has `slack` tokens less than it should.
    pub(crate) fn overdue(&self, tokens: i128, slack: i128) -> bool {
        !self.paused() && self.missing(tokens + slack) <= 0
    }

    pub(crate) fn take(&mut self, tokens: i128) {
        self.spend(tokens, true);
    }

    pub(crate) fn charge(&mut self, tokens: i128) {
        self.spend(tokens, false);
    }

    fn spend(&mut self, tokens: i128, there: bool) {
        self.full_at = self.full_at.max(self.now) + tokens * self.price;
        self.taken.push((self.now, tokens, there));
    }

    pub(crate) fn refund(&mut self, tokens: i128) {
        let full_at = (self.full_at - tokens * self.price).max(self.now);
        let back = (self.full_at.max(self.now) - full_at) / self.price;
        self.full_at = full_at;
        self.taken.push((self.now, -back, false));
    }

    pub(crate) fn set_price(&mut self, price: u64) {
        let price = i128::from(price) * UNIT;
        let lacking = (self.full_at - self.now).max(0);
        self.full_at = self.now + lacking * price / self.price;
        self.price = price;
        self.refills.push((self.now, price));
    }

    pub(crate) fn pause(&mut self, millis: u64) {
        self.paused_until = self.paused_until.max(self.now + i128::from(millis) * UNIT);
    }

    /// The tokens that are there, rounded down.
    pub(crate) fn available(&self) -> i128 {
        (-self.missing(0)).div_euclid(self.price)
    }

    /// Checks that nothing was given when a window that ends there had seen all of its capacity and refill.
    pub(crate) fn check_windows(&self) {
        for (first, (start, ..)) in self.taken.iter().enumerate() {
            let mut sum = 0;
            for (end, tokens, there) in &self.taken[first..] {
                sum += tokens;
                let refill = self.refill(*start, *end);
                assert!(
                    !there || sum <= self.capacity + refill,
                    "{sum} taken in {} units, and no more than {} + {refill} may be",
                    end - start,
                    self.capacity
                );
            }
        }
    }

    /// What flows in between two instants, rounded up for each rate.
    fn refill(&self, start: i128, end: i128) -> i128 {
        let ends = self.refills.iter().skip(1).map(|(at, _)| *at).chain([i128::MAX]);
        let spans = self.refills.iter().zip(ends);
        spans
            .map(|((from, price), to)| {
                let span = (to.min(end) - (*from).max(start)).max(0);
                (span + price - 1).div_euclid(*price)
            })
            .sum()
    }
}
