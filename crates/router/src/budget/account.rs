use std::sync::atomic::{
    AtomicU64,
    Ordering::{AcqRel, Acquire},
};

/// What one key has spent: the window's number (16 bits), and the billionths of a dollar in it (48 bits).
#[derive(Default)]
pub(super) struct Account(AtomicU64);

/// The most that an account can count, in billionths of a dollar.
pub(super) const MOST: u64 = (1 << 48) - 1;

// === impl Account ===

impl Account {
    /// What was spent in a window, reservations included.
    pub(super) fn spent(&self, window: u16) -> u64 {
        spent(self.0.load(Acquire), window)
    }

    /// Spends something in a window, if it is not more than `most` with what was spent before.
    pub(super) fn reserve(&self, window: u16, reserved: u64, most: u64) -> bool {
        let taken = self.0.fetch_update(AcqRel, Acquire, |word| {
            let spent = spent(word, window).checked_add(reserved).filter(|spent| *spent <= most)?;
            Some(u64::from(window) << 48 | spent)
        });
        taken.is_ok()
    }

    /// Puts what was used in the place of what was reserved. In a later window, that is forgotten already.
    pub(super) fn settle(&self, window: u16, reserved: u64, used: u64) {
        let _ = self.0.fetch_update(AcqRel, Acquire, |word| {
            let spent = (number(word) == window).then_some(word & MOST)?;
            let spent = spent.saturating_sub(reserved).saturating_add(used).min(MOST);
            Some(u64::from(window) << 48 | spent)
        });
    }
}

const fn spent(word: u64, window: u16) -> u64 {
    if number(word) == window { word & MOST } else { 0 }
}

const fn number(word: u64) -> u16 {
    (word >> 48) as u16
}
