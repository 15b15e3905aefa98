//! A stack of one backend and one route, without a configuration.

use std::{collections::BTreeMap, sync::Arc};

use mainstay_openai_client::Client;

use super::Builder;
use crate::{
    BuildError,
    assemble::{Assembly, Live, Tables},
    kept::Kept,
    limits::by_model,
    once::Remember,
    remember::remember,
    stack::{Last, Place},
    tier::Kind,
};
#[cfg(feature = "redis")]
use crate::{ConfigError, config::Spot, limits::shared_by_model};

// === impl Builder ===

impl Builder {
    pub(super) fn remember(&self) -> Result<Option<Remember>, BuildError> {
        let Some(config) = &self.config else {
            let store = self.store.clone();
            #[cfg(feature = "redis")]
            let store = match (store, self.sharing()?) {
                (None, Some(sharing)) => Some(sharing.store()),
                (store, _) => store,
            };
            return Ok(self.remember.map(|(ttl, capacity)| Remember { ttl, capacity, store }));
        };
        let remember = config.idempotency.as_ref().map(remember).transpose()?;
        #[cfg(feature = "redis")]
        if let Some(sharing) = crate::sharing::Sharing::of(config)? {
            return Ok(remember.map(|remember| Remember { store: Some(sharing.store()), ..remember }));
        }
        Ok(remember)
    }

    #[cfg(feature = "redis")]
    fn sharing(&self) -> Result<Option<crate::sharing::Sharing>, BuildError> {
        let Some(url) = &self.redis else { return Ok(None) };
        Ok(Some(crate::sharing::Sharing::by(url, &self.shares)?))
    }

    /// One backend, one route, whatever model is named.
    pub(super) fn only_route(self) -> Result<Tables, BuildError> {
        #[cfg(feature = "redis")]
        let sharing = self.sharing()?;
        let client: Client = self.client.timeout(self.deadline).build()?;
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
        let place = |name: Arc<str>, model| Place {
            name,
            model,
            price: None,
            limits: limits.clone(),
            max_wait: self.max_wait,
            whole: client.with_timeout(self.attempt_timeout),
            streaming: client.streaming(),
        };
        let kept = Kept::of(&host, &set, &limits);
        let mut assembly = Assembly::new(self.check);
        let last = |below: usize| if below == 0 { Last::Yes } else { Last::No };
        let (first, below) = (place(host.as_str().into(), None), self.tiers.len());
        assembly.one(&Arc::from("model"), &self.retry, &first, last(below));
        for (at, tier) in self.tiers.into_iter().enumerate() {
            match &tier.kind {
                Kind::Model(model) => {
                    let place = place(format!("{host}/{model}").into(), Some(Arc::clone(model)));
                    assembly.one(&tier.name, &self.retry, &place, last(below - at - 1));
                }
                Kind::Local(_) => assembly.local(tier),
            }
        }
        let (ways, watched) = assembly.finish(&Arc::from("default"), self.deadline, self.continuation);
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
