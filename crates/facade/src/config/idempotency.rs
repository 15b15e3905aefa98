use std::{path::PathBuf, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One key, one effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct IdempotencyConfig {
    /// How long an answer is kept: `"1h"` unless set.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub ttl: Duration,
    /// The most answers that are kept: 100,000 unless set.
    pub capacity: usize,
    /// The file that keeps whole answers, so that they survive the process, and none runs twice unasked after a crash: none unless
    /// set. Needs the feature `redb`. One process at a time can use it. Streams are kept in memory only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
}

// === impl IdempotencyConfig ===

impl Default for IdempotencyConfig {
    fn default() -> Self {
        Self { ttl: Duration::from_secs(3_600), capacity: 100_000, path: None }
    }
}
