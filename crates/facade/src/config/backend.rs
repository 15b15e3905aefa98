use std::{collections::BTreeMap, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{HeaderSource, KeySource};

/// A server with an OpenAI-compatible API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct BackendConfig {
    /// The URL up to which all paths of the API are the same, such as `"https://api.openai.com/v1"`.
    pub base_url: String,
    /// Where the API key is: `{ env = "OPENAI_API_KEY" }` or `{ file = "/run/secrets/openai" }`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<KeySource>,
    /// Headers that each request carries besides: texts, or where secrets are, as of `api_key`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, HeaderSource>,
    /// How long a connection may take to be made.
    #[serde(default, with = "humantime_serde", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub connect_timeout: Option<Duration>,
}

// === impl BackendConfig ===

impl BackendConfig {
    /// Names the server, which needs no key and has no headers of its own.
    pub fn new(base_url: impl Into<String>) -> Self {
        Self { base_url: base_url.into(), api_key: None, headers: BTreeMap::new(), connect_timeout: None }
    }

    /// The server that clients ask if nothing else is set.
    pub(crate) fn of_openai() -> Self {
        Self::new("https://api.openai.com/v1")
    }
}
