//! A moving average in one word: seconds as `f32`, and the millisecond in which they were written.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use crate::moment::Moment;

/// A latency that follows what is observed: up at once (where it peaks), down by its time constant.
#[derive(Debug, Default)]
pub(crate) struct Ewma {
    /// 0 as long as nothing was observed.
    word: AtomicU64,
}

/// No latency is shorter, so that work in flight always weighs something.
const SHORTEST: f32 = 1e-6;

// === impl Ewma ===

impl Ewma {
    /// Takes in an observation: a peak whole, at once.
    pub(crate) fn observe(&self, latency: Duration, now: Moment, decay: Duration) {
        self.change(latency, now, decay, true);
    }

    /// Takes in an observation as one of many: a peak counts no more than others.
    pub(crate) fn follow(&self, latency: Duration, now: Moment, decay: Duration) {
        self.change(latency, now, decay, false);
    }

    fn change(&self, latency: Duration, now: Moment, decay: Duration, peaks: bool) {
        let latency = seconds(latency);
        let _ = self.word.fetch_update(Relaxed, Relaxed, |word| {
            let next = match unpack(word) {
                None => latency,
                Some((value, _)) if peaks && latency > value => latency,
                // One in a millisecond is enough, and spares calls that end together from waiting for each other here.
                Some((_, stamp)) if stamp == now.stamp() => return None,
                // Averages of many calls still move: a hundredth of the way at least.
                Some((value, stamp)) => {
                    let kept = kept(now, stamp, decay).min(0.99);
                    value * kept + latency * (1.0 - kept)
                }
            };
            Some(pack(next, now))
        });
    }

    /// The average, which reverts to what is typical while nothing is observed.
    pub(crate) fn get(&self, now: Moment, decay: Duration, typical: f32) -> f32 {
        let Some((value, stamp)) = unpack(self.word.load(Relaxed)) else { return typical };
        if now.stamp() == stamp { value } else { typical + (value - typical) * kept(now, stamp, decay) }
    }

    /// The last average, however old.
    pub(crate) fn last(&self) -> Option<f32> {
        unpack(self.word.load(Relaxed)).map(|(value, _)| value)
    }

    pub(crate) fn clear(&self) {
        self.word.store(0, Relaxed);
    }
}

/// Nanoseconds are what a call takes least of: as often as not there are none.
#[inline]
fn seconds(latency: Duration) -> f32 {
    if latency.is_zero() { SHORTEST } else { latency.as_secs_f32().max(SHORTEST) }
}

/// The share of an old value that is left.
// Out of line: most observations end before they ask for it.
#[inline(never)]
fn kept(now: Moment, stamp: u32, decay: Duration) -> f32 {
    let age = now.stamp().wrapping_sub(stamp) as f32 / 1e3;
    (-age / decay.as_secs_f32().max(SHORTEST)).exp()
}

fn pack(value: f32, now: Moment) -> u64 {
    u64::from(value.to_bits()) << 32 | u64::from(now.stamp())
}

#[expect(clippy::cast_possible_truncation, reason = "each half of the word")]
fn unpack(word: u64) -> Option<(f32, u32)> {
    (word != 0).then_some((f32::from_bits((word >> 32) as u32), word as u32))
}
