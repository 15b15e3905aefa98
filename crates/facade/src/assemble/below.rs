use mainstay_fault::{Fault, FaultKind};

use crate::{Tier, TierConfig, parts::Parts, stack::Last, tier::Kind};

/// What is below a tier of models.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Below {
    /// Whether there is any tier: it answers chats, whole or streamed.
    any: bool,
    /// Whether there is one of models: only those embed.
    models: bool,
    /// Whether one of them takes over what is too slow.
    pub(super) takes_slow: bool,
}

// === impl Below ===

impl Below {
    pub(super) fn of_config(tiers: &[TierConfig], parts: &Parts) -> Self {
        let below = |below: Self, tier: &TierConfig| {
            let own = tier.own.as_ref().and_then(|own| parts.tier(own).ok());
            below.and(!tier.models.is_empty(), own.is_none_or(|tier| takes_slow(&tier)))
        };
        tiers.iter().fold(Self::default(), below)
    }

    pub(crate) fn of(tiers: &[Tier]) -> Self {
        tiers.iter().fold(Self::default(), |below, tier| {
            below.and(matches!(tier.kind, Kind::Model(_)), takes_slow(tier))
        })
    }

    const fn and(self, models: bool, takes_slow: bool) -> Self {
        Self { any: true, models: self.models || models, takes_slow: self.takes_slow || takes_slow }
    }

    /// What is below, and what is below that.
    pub(super) const fn or(self, other: Self) -> Self {
        Self {
            any: self.any || other.any,
            models: self.models || other.models,
            takes_slow: self.takes_slow || other.takes_slow,
        }
    }

    /// Whether the tier is the last one for chats.
    pub(super) const fn chats(self) -> Last {
        Last::unless(self.any)
    }

    /// Whether the tier is the last one for embeddings.
    pub(super) const fn embeddings(self) -> Last {
        Last::unless(self.models)
    }
}

/// Whether a tier takes over from one whose first token is too long in coming.
fn takes_slow(tier: &Tier) -> bool {
    tier.accepts.as_ref().is_none_or(|accepts| accepts(&Fault::new(FaultKind::Timeout)))
}
