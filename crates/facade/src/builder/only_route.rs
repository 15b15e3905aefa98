//! A stack of one backend and one route, without a configuration.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use mainstay_bucket::Limits;
use mainstay_openai_client::Client;

use super::Builder;
use crate::{
    BuildError, Config, Continuation,
    assemble::{Assembly, Below, Live, Tables, health, usual_policy},
    kept::Kept,
    limits::{Models, by_model},
    stack::{Place, Standings},
    tier::Kind,
};
#[cfg(feature = "redis")]
use crate::{ConfigError, config::Spot, limits::shared_by_model};

// === impl Builder ===

impl Builder {
    /// One backend, one route, whatever model is named.
    pub(super) fn only_route(self, config: &Config) -> Result<Tables, BuildError> {
        let parts = self.overlay.parts;
        let policy = usual_policy(config, &parts)?;
        let client: Client = match self.config {
            None => self.client,
            Some(_) => self
                .client
                .first_token_timeout(config.first_token_timeout)
                .between_tokens_timeout(config.between_tokens_timeout),
        }
        .timeout(config.deadline)
        .build()?;
        let host = client.host();
        let limits = limits_of(&host, self.limits.clone(), config)?;
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
        let kept = Kept::of(&host, &self.limits, &limits);
        // It is asked for whatever model a call names: that one is missing says nothing of the others.
        let any = health().leave_missing_models();
        let mut assembly = Assembly::new(parts.check);
        let first = place(host.as_str().into(), None, any);
        assembly.one(&Arc::from("model"), &policy, &first, Below::of(&parts.below), None, None);
        let mut tiers = parts.below.into_iter();
        while let Some(tier) = tiers.next() {
            match &tier.kind {
                Kind::Model(model) => {
                    let place = place(format!("{host}/{model}").into(), Some(Arc::clone(model)), health());
                    let below = Below::of(tiers.as_slice());
                    let mut set = kept.limits().filter(|(_, of, _)| *of == &**model);
                    let limited = set.next().map(|(.., limited)| limited);
                    assembly.one(&tier.name, &policy, &place, below, limited.as_ref(), tier.accepts.clone());
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

/// The limits of each model on the only backend, shared if the configuration says with whom.
#[cfg(feature = "redis")]
fn limits_of(host: &str, set: HashMap<String, Arc<Limits>>, config: &Config) -> Result<Models, BuildError> {
    let Some(sharing) = crate::sharing::Sharing::of(config)? else { return Ok(by_model(set)) };
    shared_by_model(host, set.clone(), &set, &sharing).map_err(|error| {
        let spot = Spot::default().key("redis_url").key("local_share");
        ConfigError::invalid(spot.invalid(error.to_string())).into()
    })
}

#[cfg(not(feature = "redis"))]
#[expect(clippy::unnecessary_wraps, reason = "shared ones may fail")]
fn limits_of(_: &str, set: HashMap<String, Arc<Limits>>, _: &Config) -> Result<Models, BuildError> {
    Ok(by_model(set))
}
