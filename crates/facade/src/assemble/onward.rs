use std::sync::{Arc, OnceLock};

use mainstay_backoff::RetryPolicy;
use mainstay_fallback::Tier;
use mainstay_fault::{BackendId, Call, Fault, FaultKind, HasCall, Tried};
use mainstay_router::{Backends, Router};

use super::tiers::Choosing;
use crate::{
    ChatRequest,
    among::{self, Describe},
};

/// Where a streamed call can go that waits for its first token: what its route knows of that.
pub(crate) struct Onward {
    pub(super) policy: RetryPolicy,
    pub(super) stages: Stages,
    /// Which tier has the call, and the number of the backend there.
    pub(super) tier: usize,
    pub(super) own: BackendId,
}

/// The tiers of a route, from the first on: there when all are put together.
pub(super) type Stages = Arc<OnceLock<Vec<Stage>>>;

/// A tier as a call can go on to it.
pub(super) struct Stage {
    /// The same choice as its router's, among the same backends but for their services; a tier without models answers whatever comes, but
    /// goes on with no answer that broke.
    pub(super) models: Option<Router<(), Describe>>,
    /// The same tier but for its service.
    pub(super) tier: Tier<()>,
}

const LONG: Fault = Fault::new(FaultKind::ContextLength);
const FILTERED: Fault = Fault::new(FaultKind::ContentFiltered);
const SLOW: Fault = Fault::new(FaultKind::Timeout);

// === impl Onward ===

impl Onward {
    /// Whether the call would be served elsewhere, or sent again, if its attempt were given up now.
    pub(crate) fn leads_on(&self, request: &ChatRequest) -> bool {
        let stages = self.stages.get().map(Vec::as_slice).unwrap_or_default();
        let Some(call) = request.call() else { return false };
        let mut below = stages.iter().skip(self.tier + 1);
        if below.any(|stage| stage.takes_slow(call) && stage.serves(request, &Tried::default())) {
            return true;
        }
        let mut tried = call.tried.clone();
        tried.insert(self.own);
        let others = stages.get(self.tier).is_some_and(|stage| stage.serves(request, &tried));
        self.policy.would_retry(call, &SLOW.with_elsewhere(others))
    }
}

// === impl Stage ===

impl Stage {
    pub(super) fn among(backends: Backends<()>, choosing: &Choosing<'_>, tier: Tier<()>) -> Self {
        let router = choosing.by.router(backends, choosing.budgets, choosing.below.chats());
        Self { models: Some(router.describe_by(among::describe_stream as Describe)), tier }
    }

    /// Whether it takes over a call that is too slow above, after what has become of it further up.
    fn takes_slow(&self, call: &Call) -> bool {
        let window = if call.outgrown == u32::MAX { u64::MAX } else { call.outgrown.into() };
        let above = [
            (call.outgrown > 0).then_some((&LONG, Some(window))),
            call.filtered.then_some((&FILTERED, None)),
            Some((&SLOW, None)),
        ];
        self.tier.takes_over(above.into_iter().flatten())
    }

    fn serves(&self, request: &ChatRequest, tried: &Tried) -> bool {
        match &self.models {
            Some(models) => models.serves(request, tried),
            None => request.call().is_none_or(|call| !call.continues),
        }
    }
}
