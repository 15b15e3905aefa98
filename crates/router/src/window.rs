//! Successes and failures of the last while: two periods of a word each, the older one counted by the share of it that is
//! still in the window.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use crate::moment::Moment;

#[derive(Debug)]
pub(crate) struct Window {
    /// How long a period is, in milliseconds.
    length: u64,
    /// The number of a period (32 bits), its successes and its failures (16 bits each).
    periods: [AtomicU64; 2],
}

/// What a window has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Seen {
    pub(crate) good: f64,
    pub(crate) bad: f64,
}

// === impl Window ===

impl Window {
    pub(crate) fn new(length: Duration) -> Self {
        let length = u64::try_from(length.as_millis()).unwrap_or(u64::MAX).max(1);
        Self { length, periods: Default::default() }
    }

    pub(crate) fn record(&self, good: bool, now: Moment) {
        let number = self.number(now);
        let [even, odd] = &self.periods;
        let period = if number.is_multiple_of(2) { even } else { odd };
        let _ = period.fetch_update(Relaxed, Relaxed, |word| {
            let (of, mut goods, mut bads) = unpack(word);
            if of != number {
                (goods, bads) = (0, 0);
            }
            let count = if good { &mut goods } else { &mut bads };
            *count += 1;
            if *count == u16::MAX {
                (goods, bads) = (goods / 2, bads / 2);
            }
            Some(u64::from(number) << 32 | u64::from(goods) << 16 | u64::from(bads))
        });
    }

    pub(crate) fn seen(&self, now: Moment) -> Seen {
        let number = self.number(now);
        let left = || 1.0 - (now.0 % self.length) as f64 / self.length as f64;
        let mut seen = Seen::default();
        for period in &self.periods {
            let (of, good, bad) = unpack(period.load(Relaxed));
            let share = match number.wrapping_sub(of) {
                0 => 1.0,
                1 => left(),
                _ => continue,
            };
            seen.good += f64::from(good) * share;
            seen.bad += f64::from(bad) * share;
        }
        seen
    }

    /// Whether no failure was counted, though it may have left the window by now.
    #[inline]
    pub(crate) fn is_spotless(&self) -> bool {
        self.periods.iter().all(|period| unpack(period.load(Relaxed)).2 == 0)
    }

    pub(crate) fn clear(&self) {
        self.periods.iter().for_each(|period| period.store(0, Relaxed));
    }

    #[expect(clippy::cast_possible_truncation, reason = "periods are only compared with their neighbours")]
    const fn number(&self, now: Moment) -> u32 {
        (now.0 / self.length) as u32
    }
}

// === impl Seen ===

impl Seen {
    pub(crate) fn calls(self) -> f64 {
        self.good + self.bad
    }

    pub(crate) fn failures(self) -> f64 {
        self.bad / self.calls().max(f64::MIN_POSITIVE)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "parts of the word")]
const fn unpack(word: u64) -> (u32, u16, u16) {
    ((word >> 32) as u32, (word >> 16) as u16, word as u16)
}
