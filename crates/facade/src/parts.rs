//! What a program brings along, and no file can hold.

use std::{collections::BTreeMap, sync::Arc};

use mainstay_backoff::RetryPolicy;
use mainstay_openai_client::ClientBuilder;
use mainstay_router::strategy::Strategy;

use crate::{BuildError, Continuation, Tier, checked::SharedCheck, tier::Kind};

/// What a program brings along: it is put into whatever configuration is in use.
#[derive(Clone, Default)]
pub(crate) struct Parts {
    pub(crate) check: SharedCheck,
    /// For routes that say nothing of retries.
    pub(crate) retry: Option<RetryPolicy>,
    /// For routes that say nothing of streams which break.
    pub(crate) continuation: Option<Continuation>,
    /// What is set of the backends' clients, by the backends' names.
    pub(crate) clients: BTreeMap<String, SetClient>,
    /// By their names.
    pub(crate) strategies: BTreeMap<String, Arc<dyn Strategy>>,
    /// To be named by routes.
    pub(crate) tiers: Vec<Tier>,
    /// Below the tiers of each route.
    pub(crate) below: Vec<Tier>,
}

/// Sets up a client.
pub(crate) type SetClient = Arc<dyn Fn(ClientBuilder) -> ClientBuilder + Send + Sync>;

// === impl Parts ===

impl Parts {
    /// A tier that a route names.
    pub(crate) fn tier(&self, name: &str) -> Result<Tier, String> {
        if let Some(tier) = self.tiers.iter().find(|tier| &*tier.name == name) {
            return Ok(tier.clone());
        }
        Err(unknown("tier", name, self.tiers.iter().map(|tier| &*tier.name)))
    }

    /// A strategy that a tier names.
    pub(crate) fn strategy(&self, name: &str) -> Result<Arc<dyn Strategy>, String> {
        let found = self.strategies.get(name).map(Arc::clone);
        found.ok_or_else(|| unknown("strategy", name, self.strategies.keys().map(String::as_str)))
    }

    /// Refuses models among the tiers for routes, whose models are named with their backends.
    pub(crate) fn check_tiers(&self) -> Result<(), BuildError> {
        let is_model = |tiers: &[Tier]| tiers.iter().any(|tier| matches!(tier.kind, Kind::Model(_)));
        let why = "is another model of the only backend, and there are routes: name it in a tier of theirs";
        for (setting, tiers) in [("tier", &self.below), ("own_tier", &self.tiers)] {
            if is_model(tiers) {
                return Err(BuildError::Unused { setting, why });
            }
        }
        Ok(())
    }
}

fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<_> = known.collect();
    if known.is_empty() {
        return format!(
            "is {name:?}, and the program brings no {what} of its own: `Builder::own_{what}` does"
        );
    }
    format!("is {name:?}, and the program brings no such {what}; it brings {}", known.join(", "))
}
