//! Settings that would do nothing beside what else is set.

use super::Builder;
use crate::{BuildError, Config};

// === impl Builder ===

impl Builder {
    /// Whether there are routes; otherwise there is one backend, for whatever model is named.
    pub(super) fn is_routed(&self, config: &Config) -> bool {
        let is_file = self.config.is_some() && !self.sets_client;
        is_file || !config.routes.is_empty() || !config.backends.is_empty()
    }

    /// Refuses what would be set in vain.
    pub(super) fn check_used(&self, config: &Config, is_routed: bool) -> Result<(), BuildError> {
        let parts = &self.overlay.parts;
        let keys = config.idempotency.as_ref();
        let unused = [
            (
                is_routed && self.sets_client,
                "client",
                "(also base_url, api_key) sets up the only backend, and there are others: `backend` names each",
            ),
            (
                is_routed && !self.limits.is_empty(),
                "limits",
                "are of the only backend, and there are routes: set them with the routes' models, by `ServedConfig`",
            ),
            (
                !parts.clients.is_empty() && config.routes.is_empty(),
                "backend",
                "is led to by no route: add a `route`, or set up the only backend by `base_url`",
            ),
            (
                !is_routed && config.budget.is_some(),
                "budget",
                "needs to know what models cost: add a `route`, whose models have prices",
            ),
            (
                !is_routed && config.default_route.is_some(),
                "default_route",
                "names a route, and there is none",
            ),
            (
                !is_routed && !parts.tiers.is_empty(),
                "own_tier",
                "is for routes to name: without any, `tier` adds it",
            ),
            (
                !is_routed && !parts.strategies.is_empty(),
                "own_strategy",
                "is for routes to name, and there is none",
            ),
            (
                self.store.is_some() && keys.is_none(),
                "idempotency_store",
                "keeps nothing as long as keys are not remembered: set `idempotency` too",
            ),
            (
                self.store.is_some() && keys.is_some_and(|keys| keys.path.is_some()),
                "idempotency_store",
                "and `idempotency.path` of the configuration contradict each other: keys are kept in one place",
            ),
        ];
        match unused.into_iter().find(|(is_unused, ..)| *is_unused) {
            Some((_, setting, why)) => Err(BuildError::Unused { setting, why }),
            None => Ok(()),
        }
    }
}
