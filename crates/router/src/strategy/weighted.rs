use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};

use crate::{
    View,
    member::Member,
    moment::Moment,
    strategy::{Pick, Refusal, Strategy},
};

/// In proportion to the weights, and evenly mixed: 5, 1, 1 gives a, a, a, b, c, a, a and not five in a row.
///
/// Each backend has a turn, which moves on by the inverse of its weight when it is chosen; the earliest turn is next (stride
/// scheduling: Waldspurger and Weihl, 1995). One that could not be chosen for a while does not catch up on what it missed. A
/// backend that has just come back has less of its weight until its ramp is over.
///
/// The turns belong to the [`Backends`](crate::Backends): routers that share a set share them. All backends are looked at for
/// each choice.
///
/// # Examples
///
/// ```
/// use mainstay_router::{Backend, Backends, Router, strategy::Weighted};
///
/// let backends = Backends::new([Backend::new("large", ()).weight(5.0)?, Backend::new("small", ())])?;
/// let router = Router::new(backends, Weighted);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Weighted;

/// When a backend is next.
#[derive(Clone, Copy)]
struct Turn {
    at: u64,
    /// How far it is from this turn to the next.
    stride: u64,
    /// What is written of it.
    written: u64,
}

/// The steps of a turn for a weight of 1.
const STEPS: f64 = (1u64 << 32) as f64;

// === impl Weighted ===

impl Strategy for Weighted {
    fn choose(&self, view: &View<'_>) -> Result<Pick, Refusal> {
        loop {
            let present = view.pool().turn.load(Acquire);
            let turns = view.all_eligible().filter_map(|(index, _)| {
                let member = view.member(index)?;
                Some((index, member, Turn::of(member, present, view.now()).kept(member)))
            });
            let next = turns.min_by_key(|(_, _, turn)| (turn.at, turn.stride));
            let (index, member, Turn { at, stride, .. }) = next.ok_or(Refusal::NoneEligible)?;
            let (before, after) = (at, at.saturating_add(stride));
            if member.turn.compare_exchange(before, after, AcqRel, Relaxed).is_ok() {
                view.pool().turn.fetch_max(at, AcqRel);
                return Ok(Pick::new(index));
            }
        }
    }

    fn score(&self, view: &View<'_>, index: usize) -> Option<f64> {
        let present = view.pool().turn.load(Acquire);
        let turn = Turn::of(view.member(index)?, present, view.now());
        Some(turn.at.saturating_sub(present) as f64 / STEPS)
    }

    fn name(&self) -> &'static str {
        "weighted"
    }
}

// === impl Turn ===

impl Turn {
    /// One that has missed its turn, or never had one, begins half a stride from now.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it saturates, and weights are positive"
    )]
    fn of(member: &Member, present: u64, now: Moment) -> Self {
        let stride = ((STEPS / (member.weight() * member.standing.share(now))) as u64).clamp(1, 1 << 52);
        let written = member.turn.load(Acquire);
        let missed = written == 0 || written < present;
        let at = if missed { present.saturating_add(stride / 2).max(1) } else { written };
        Self { at, stride, written }
    }

    /// Writes it down, so that the others' turns do not push it away.
    fn kept(self, member: &Member) -> Self {
        if self.written != self.at {
            // Whoever was quicker has written as good a turn; then the choice is made anew.
            let _ = member.turn.compare_exchange(self.written, self.at, AcqRel, Relaxed);
        }
        self
    }
}
