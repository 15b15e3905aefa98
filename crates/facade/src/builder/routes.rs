//! Several backends, and the routes that lead to them.

use std::sync::Arc;

use mainstay_openai_client::ClientBuilder;

use super::Builder;
use crate::{BudgetConfig, Config, RouteConfig};

// === impl Builder ===

impl Builder {
    /// Adds a backend, under the name by which routes know it. The closure sets up its client: the URL, the key, and all else.
    ///
    /// If the configuration has a backend of this name, the closure gets its client as it is set there. Files can only name the backends
    /// that they have. It is called again when the configuration is read again.
    pub fn backend(
        mut self,
        name: impl Into<String>,
        client: impl Fn(ClientBuilder) -> ClientBuilder + Send + Sync + 'static,
    ) -> Self {
        self.overlay.parts.clients.insert(name.into(), Arc::new(client));
        self
    }

    /// Adds a route, under the name of the model by which callers ask for it; or puts it in the place of the configuration's.
    pub fn route(mut self, model: impl Into<String>, route: RouteConfig) -> Self {
        self.overlay.routes.insert(model.into(), route);
        self
    }

    /// Sets the route of models that no route is named after.
    pub fn default_route(mut self, model: impl Into<String>) -> Self {
        self.overlay.default_route = Some(model.into());
        self
    }

    /// Sets what all calls together may cost in each window of time. A route may have a budget of its own besides
    /// ([`RouteConfig::budget`]).
    ///
    /// All models must have a price then ([`ServedConfig::price`](crate::ServedConfig::price)); those of OpenAI have.
    pub fn budget(mut self, budget: BudgetConfig) -> Self {
        self.overlay.budget = Some(budget);
        self
    }

    /// Takes backends, routes and settings from a configuration. What is set here besides counts before it.
    pub fn config(mut self, config: Config) -> Self {
        self.config = Some(config);
        self
    }
}
