//! A stack of one backend and one route, without a configuration.

use std::{collections::BTreeMap, sync::Arc};

use mainstay_openai_client::Client;

use super::Builder;
use crate::{
    BuildError, Config, Continuation,
    assemble::{Assembly, Below, Live, Tables, health, usual_policy},
    kept::Kept,
    limits::by_model,
    stack::{Place, Standings},
    tier::Kind,
};
#[cfg(feature = "redis")]
use crate::{ConfigError, config::Spot, limits::shared_by_model};

// === impl Builder ===

impl Builder {
    /// One backend, one route, whatever model is named.
    pub(super) fn only_route(self, config: &Config) -> Result<Tables, BuildError> {
        #[cfg(feature = "redis")]
        let sharing = crate::sharing::Sharing::of(config)?;
        let parts = self.overlay.parts;
        let policy = usual_policy(config, &parts)?;
        let client: Client = self.client.timeout(config.deadline).build()?;
        let host = client.host();
        let set = self.limits.clone();
        #[cfg(feature = "redis")]
        let limits = match &sharing {
            Some(sharing) => shared_by_model(&host, self.limits, sharing).map_err(|error| {
                let why = error.to_string();
                ConfigError::invalid(Spot::default().key("redis_url").key("local_share").invalid(why))
            })?,
            None => by_model(self.limits),
        };
        #[cfg(not(feature = "redis"))]
        let limits = by_model(self.limits);
        let place = |name: Arc<str>, model, health| Place {
            name,
            model,
            price: None,
            limits: limits.clone(),
            max_wait: config.max_wait,
            whole: client.with_timeout(config.attempt_timeout),
            streaming: client.streaming(),
            standings: Standings::new(health),
        };
        let continuation =
            parts.continuation.or_else(|| config.continue_streams.as_ref().map(Continuation::from));
        let kept = Kept::of(&host, &set, &limits);
        // It is asked for whatever model a call names: that one is missing says nothing of the others.
        let any = health().leave_missing_models();
        let mut assembly = Assembly::new(parts.check);
        let first = place(host.as_str().into(), None, any);
        assembly.one(&Arc::from("model"), &policy, &first, Below::of(&parts.below), None);
        let mut tiers = parts.below.into_iter();
        while let Some(tier) = tiers.next() {
            match &tier.kind {
                Kind::Model(model) => {
                    let place = place(format!("{host}/{model}").into(), Some(Arc::clone(model)), health());
                    let below = Below::of(tiers.as_slice());
                    assembly.one(&tier.name, &policy, &place, below, tier.accepts.clone());
                }
                Kind::Local(_) => assembly.local(tier),
            }
        }
        let (ways, watched) = assembly.finish(&Arc::from("default"), config.deadline, continuation);
        let clients = Arc::new(BTreeMap::from([(host, client)]));
        Ok(Tables::of_one(
            ways,
            Live {
                clients,
                watched,
                kept,
                #[cfg(feature = "learned")]
                choosers: Vec::new(),
            },
        ))
    }
}
