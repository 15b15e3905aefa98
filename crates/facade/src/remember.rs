//! Where idempotency keys are kept, as a configuration says.

use std::{path::Path, sync::Arc};

use mainstay_idempotency::Store;

use crate::{
    BuildError, Config, ConfigError, IdempotencyConfig, KeySource, Served, config::Spot, shares::Shares,
};

/// What a configuration says of keys: of a stack that is built, nothing of it changes.
pub(crate) struct Keeps {
    keys: Option<IdempotencyConfig>,
    /// What keeps them with other processes', unless a store was set in code.
    server: Option<(KeySource, Shares)>,
    sets_store: bool,
}

// === impl Keeps ===

impl Keeps {
    pub(crate) fn of(config: &Config, sets_store: bool) -> Self {
        let keys = config.idempotency.clone();
        let url = config.redis_url.clone().filter(|_| keys.is_some() && !sets_store);
        // The local share is one of limits.
        let server = url.map(|url| (url, Shares { local_share: None, ..Shares::of(config) }));
        Self { keys, server, sets_store }
    }

    /// Whether another configuration says something else.
    pub(crate) fn differs(&self, config: &Config) -> bool {
        let other = Self::of(config, self.sets_store);
        (&self.keys, &self.server) != (&other.keys, &other.server)
    }
}

/// Opens the file, if one is named.
pub(crate) fn store(config: &IdempotencyConfig) -> Result<Option<Arc<dyn Store<Served>>>, BuildError> {
    config.path.as_deref().map(open).transpose()
}

#[cfg(feature = "redb")]
fn open(path: &Path) -> Result<Arc<dyn Store<Served>>, BuildError> {
    let file = mainstay_idempotency::Redb::open(path).map_err(|error| invalid(&told(&error)))?;
    Ok(Arc::new(file.codec(crate::ServedCodec)))
}

#[cfg(not(feature = "redb"))]
fn open(path: &Path) -> Result<Arc<dyn Store<Served>>, BuildError> {
    let path = path.display().to_string();
    Err(invalid(&format!("{path:?}: keys are kept in a file only with the feature `redb`")))
}

/// An error with its causes.
#[cfg(feature = "redb")]
fn told(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

fn invalid(why: &str) -> BuildError {
    let spot = Spot::default().key("idempotency").key("path");
    ConfigError::invalid(spot.invalid(format!("cannot be used: {why}"))).into()
}
