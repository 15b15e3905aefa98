//! Whether a backend may be called: one word, so that it is read and changed in one step.

use std::sync::atomic::{
    AtomicBool, AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};

use crate::{Cause, moment::Moment};

/// The state of a backend, and the one place for a probe.
#[derive(Debug, Default)]
pub(crate) struct Word {
    /// A cause (3 bits; 0 is up), the probes that failed (5 bits), and a moment: of the return, or until when.
    word: AtomicU64,
    probing: AtomicBool,
}

/// What the word says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It takes calls; it has come back at that moment, if it was ever away.
    Up { returned: Option<Moment> },
    /// Set aside. Once the moment has passed, one call may probe.
    Away { cause: Cause, until: Moment, trips: u32 },
}

const CAUSES: [Cause; 5] =
    [Cause::Broken, Cause::RateLimited, Cause::QuotaExhausted, Cause::Auth, Cause::ModelNotFound];
const AT_BITS: u32 = 56;
const AT: u64 = (1 << AT_BITS) - 1;
const TRIPS: u64 = 31;

// === impl Word ===

impl Word {
    /// Whether it was never set aside.
    pub(crate) fn is_clean(&self) -> bool {
        self.word.load(Acquire) == 0
    }

    /// The state now: a rate limit that is over has left by itself, as the server said when.
    pub(crate) fn state(&self, now: Moment) -> State {
        match unpack(self.word.load(Acquire)) {
            State::Away { cause: Cause::RateLimited, until, .. } if until <= now => {
                State::Up { returned: Some(until) }
            }
            state => state,
        }
    }

    pub(crate) fn is_probed(&self) -> bool {
        self.probing.load(Acquire)
    }

    /// Takes the one place for a probe.
    pub(crate) fn begin_probe(&self) -> bool {
        !self.probing.swap(true, AcqRel)
    }

    pub(crate) fn end_probe(&self) {
        self.probing.store(false, Release);
    }

    /// Sets aside, unless it is away for longer already. Tells whether it was up before.
    pub(crate) fn set_aside(&self, cause: Cause, until: Moment, now: Moment) -> bool {
        let changed = self.word.fetch_update(AcqRel, Acquire, |word| match unpack(word) {
            State::Away { until: later, .. } if later >= until && later > now => None,
            State::Away { cause: Cause::Broken, trips, .. } if cause == Cause::Broken => {
                Some(pack(State::Away { cause, until, trips: trips + 1 }))
            }
            _ => Some(pack(State::Away { cause, until, trips: 0 })),
        });
        changed.is_ok_and(|before| matches!(unpack(before), State::Up { .. }))
    }

    /// Comes back, unless a rate limit was met meanwhile. Tells whether it did.
    pub(crate) fn come_back(&self, now: Moment) -> bool {
        let back = pack(State::Up { returned: Some(now) });
        let changed = self.word.fetch_update(AcqRel, Acquire, |word| match unpack(word) {
            State::Up { .. } => None,
            State::Away { cause, until, .. } if cause != Cause::Broken && until > now => None,
            State::Away { .. } => Some(back),
        });
        changed.is_ok()
    }

    /// The failed probes since it was last up.
    pub(crate) fn trips(&self) -> u32 {
        match unpack(self.word.load(Relaxed)) {
            State::Up { .. } => 0,
            State::Away { trips, .. } => trips,
        }
    }
}

fn pack(state: State) -> u64 {
    match state {
        State::Up { returned } => returned.map_or(0, |at| at.0.min(AT)),
        State::Away { cause, until, trips } => {
            (cause as u64 + 1) << (AT_BITS + 5) | u64::from(trips).min(TRIPS) << AT_BITS | until.0.min(AT)
        }
    }
}

fn unpack(word: u64) -> State {
    let at = Moment(word & AT);
    let cause = usize::try_from(word >> (AT_BITS + 5)).ok().and_then(|tag| tag.checked_sub(1));
    match cause.and_then(|index| CAUSES.get(index)) {
        None => State::Up { returned: (at.0 != 0).then_some(at) },
        Some(cause) => State::Away { cause: *cause, until: at, trips: (word >> AT_BITS & TRIPS) as u32 },
    }
}
