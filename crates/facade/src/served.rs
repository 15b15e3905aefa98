use std::{fmt, sync::Arc};

use mainstay_fallback::{Answer, Degradation};

use crate::{ChatResponse, Error};

/// An answer and the tier that gave it, to be shared by all who asked for it under one key.
#[derive(Clone)]
pub struct Served {
    pub(crate) response: Arc<ChatResponse>,
    pub(crate) tier: Arc<str>,
    pub(crate) degraded: Degradation,
}

// === impl Served ===

impl Served {
    pub(crate) fn of(answer: Answer<ChatResponse, Error>) -> Self {
        let (tier, degraded) = (answer.shared_tier(), answer.degraded());
        Self { response: Arc::new(answer.into_inner()), tier, degraded }
    }

    /// Whether it is worth storing: an answer that is always the same is no effect, and a better one may come.
    pub(crate) fn is_worth_keeping(&self) -> bool {
        self.degraded != Degradation::SetAnswer
    }
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Served")
            .field("tier", &self.tier)
            .field("degraded", &self.degraded)
            .finish_non_exhaustive()
    }
}
