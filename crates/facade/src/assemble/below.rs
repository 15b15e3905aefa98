use crate::{Tier, TierConfig, stack::Last, tier::Kind};

/// What is below a tier of models.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Below {
    /// Whether there is any tier: it answers chats, whole or streamed.
    any: bool,
    /// Whether there is one of models: only those embed.
    models: bool,
}

// === impl Below ===

impl Below {
    pub(super) fn of_config(tiers: &[TierConfig]) -> Self {
        tiers.iter().fold(Self::default(), |below, tier| below.and(!tier.models.is_empty()))
    }

    pub(crate) fn of(tiers: &[Tier]) -> Self {
        tiers.iter().fold(Self::default(), |below, tier| below.and(matches!(tier.kind, Kind::Model(_))))
    }

    const fn and(self, models: bool) -> Self {
        Self { any: true, models: self.models || models }
    }

    /// What is below, and what is below that.
    pub(super) const fn or(self, other: Self) -> Self {
        Self { any: self.any || other.any, models: self.models || other.models }
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
