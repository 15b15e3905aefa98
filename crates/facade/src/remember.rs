//! Where idempotency keys are kept, as a configuration says.

use std::{path::Path, sync::Arc};

use mainstay_idempotency::Store;

use crate::{BuildError, ConfigError, IdempotencyConfig, Served, config::Spot};

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
