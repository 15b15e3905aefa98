use std::{path::PathBuf, time::Duration};

use crate::Config;

/// How something is shared by a Redis server, as far as that is said.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Shares {
    pub(crate) local_share: Option<f64>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) prefix: Option<String>,
    pub(crate) ca_file: Option<PathBuf>,
}

// === impl Shares ===

impl Shares {
    /// As a configuration says.
    pub(crate) fn of(config: &Config) -> Self {
        Self {
            local_share: config.redis_local_share,
            timeout: config.redis_timeout,
            prefix: config.redis_prefix.clone(),
            ca_file: config.redis_ca_file.clone(),
        }
    }
}
