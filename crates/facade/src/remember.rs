//! Where idempotency keys are kept, as a configuration says.

use std::{path::Path, sync::Arc};

use mainstay_idempotency::Store;

use crate::{BuildError, IdempotencyConfig, Served};

/// Opens the file, if one is named.
pub(crate) fn store(config: &IdempotencyConfig) -> Result<Option<Arc<dyn Store<Served>>>, BuildError> {
    config.path.as_deref().map(open).transpose()
}

#[cfg(feature = "redb")]
fn open(path: &Path) -> Result<Arc<dyn Store<Served>>, BuildError> {
    let file = mainstay_idempotency::Redb::open(path)?;
    Ok(Arc::new(file.codec(crate::ServedCodec)))
}

#[cfg(not(feature = "redb"))]
fn open(path: &Path) -> Result<Arc<dyn Store<Served>>, BuildError> {
    let why =
        format!("is {:?}: keys are kept in a file only with the feature `redb`", path.display().to_string());
    let spot = crate::config::Spot::default().key("idempotency").key("path");
    Err(crate::ConfigError::invalid(spot.invalid(why)).into())
}
