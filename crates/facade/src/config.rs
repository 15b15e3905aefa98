//! The whole stack as one file: what may stand in it, and what it means.

mod agree;
mod backend;
mod budget;
mod check;
mod continuation;
mod error;
mod header;
mod idempotency;
mod key;
mod origin;
mod preset;
mod retry;
mod route;
mod served;
mod spot;
mod strategy;
mod tier;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use schemars::{
    JsonSchema, Schema,
    transform::{RecursiveTransform, Transform},
};
use serde::{Deserialize, Serialize};
use toml::de::DeTable;

use self::origin::Origin;
pub(crate) use self::spot::Spot;
pub use self::{
    backend::BackendConfig,
    budget::BudgetConfig,
    continuation::ContinuationConfig,
    error::ConfigError,
    header::HeaderSource,
    idempotency::IdempotencyConfig,
    key::KeySource,
    preset::Preset,
    retry::{JitterConfig, RetryBudgetConfig, RetryConfig},
    route::RouteConfig,
    served::{CapabilityConfig, GradeConfig, PriceConfig, ServedConfig},
    strategy::{ComplexityConfig, CostBudgetConfig, LearnedConfig, StrategyConfig},
    tier::TierConfig,
};

/// A stack as a file describes it: backends, and the routes that lead to them.
///
/// The model that a caller names picks a route; a route is a list of tiers, tried in order; a tier is a set of models on
/// backends, among which a strategy chooses. Every field is described in the JSON Schema ([`schema`](Self::schema)), and a
/// field that is not known is an error that names it and its line.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use mainstay::Config;
///
/// let config: Config = r#"
///     deadline = "2m"
///     default_route = "chat"
///
///     [backends.openai]
///     base_url = "https://api.openai.com/v1"
///     api_key = { env = "OPENAI_API_KEY" }
///
///     [backends.local]
///     base_url = "http://127.0.0.1:8080/v1"
///
///     [routes.chat]
///     aliases = ["gpt-4o"]
///     tiers = [
///         { models = [{ on = "openai", model = "gpt-4o", requests_per_minute = 600 }] },
///         { models = [{ on = "local", model = "llama-3" }] },
///     ]
/// "#.parse()?;
///
/// assert_eq!(config.deadline, Duration::from_secs(120));
/// assert_eq!(Config::from_toml(&config.to_toml()?)?, config);
/// # Ok::<_, mainstay::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// Settings that go together, for what is left out here: none unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// How long a call may take in all, waits and retries included: `"10m"` unless set.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub deadline: Duration,
    /// How long one attempt may take that is answered whole: `"2m"` unless set.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub attempt_timeout: Duration,
    /// How long one streamed attempt may take to its first token, if the call has somewhere else to go: `"1m"` unless set.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub first_token_timeout: Duration,
    /// How long a stream may take from one token to the next: `"1m"` unless set.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub between_tokens_timeout: Duration,
    /// How long an attempt may wait for a limit: `"1m"` unless set, and never past the call's deadline. What would wait longer is
    /// refused at once.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub max_wait: Duration,
    /// The route of models that no route is named after. Without it, they are answered 404 with a list of what there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_route: Option<String>,
    /// When a call is sent again, and after what wait.
    pub retry: RetryConfig,
    /// How a stream goes on that broke after its first token. Left out, it ends in an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub continue_streams: Option<ContinuationConfig>,
    /// The US dollars that all calls together may cost in each window of time: no limit unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetConfig>,
    /// One key, one effect. Left out, keys are only passed on to the backend.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency: Option<IdempotencyConfig>,
    /// Where processes and machines share limits and idempotency keys (of whole answers only: a stream with a key runs once in each
    /// process): a Redis server (5 or later) or Valkey, as `redis://host:6379/`, or by an encrypted way, as `rediss://host:6379/`. Needs the
    /// feature `redis`, or `redis-tls`. Left out, each process has its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redis_url: Option<KeySource>,
    /// The part of each shared limit which this process keeps to by itself while Redis is away: more than 0, at most 1, such as one over
    /// the number of processes. Left out, calls to models with limits are refused then. Calls with idempotency keys are refused in
    /// any case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redis_local_share: Option<f64>,
    /// How long Redis may take to answer before it counts as away, such as `"1s"`: 250 ms unless set.
    #[serde(with = "humantime_serde", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub redis_timeout: Option<Duration>,
    /// What stands before each key on the Redis server: `mainstay:` unless set. Applications that are to share nothing on one server
    /// have prefixes of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redis_prefix: Option<String>,
    /// The file of the certificates (PEM) one of which must have signed that of a `rediss://` server: the system's unless set. Needs
    /// the feature `redis-tls`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redis_ca_file: Option<PathBuf>,
    /// The servers, by name.
    pub backends: BTreeMap<String, BackendConfig>,
    /// The routes, by the model that a caller names.
    pub routes: BTreeMap<String, RouteConfig>,
    #[serde(skip)]
    pub(crate) origin: Origin,
}

// === impl Config ===

impl Default for Config {
    fn default() -> Self {
        const MINUTE: Duration = Duration::from_secs(60);
        Self {
            preset: None,
            deadline: 10 * MINUTE,
            attempt_timeout: 2 * MINUTE,
            first_token_timeout: MINUTE,
            between_tokens_timeout: MINUTE,
            max_wait: MINUTE,
            default_route: None,
            retry: RetryConfig::default(),
            continue_streams: None,
            budget: None,
            idempotency: None,
            redis_url: None,
            redis_local_share: None,
            redis_timeout: None,
            redis_prefix: None,
            redis_ca_file: None,
            backends: BTreeMap::new(),
            routes: BTreeMap::new(),
            origin: Origin::default(),
        }
    }
}

impl Config {
    /// Reads a configuration.
    ///
    /// # Errors
    ///
    /// Names the line, the field, and what would be right.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        let config = Self::parse(text).map_err(|source| ConfigError::toml(text, &source))?;
        config.validate()?;
        Ok(config)
    }

    /// Reads a configuration from a file.
    ///
    /// # Errors
    ///
    /// Names the file, the line, the field, and what would be right.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        let text = fs::read_to_string(path).map_err(ConfigError::unreadable);
        let config = text.and_then(|text| Self::from_toml(&text));
        let mut config = config.map_err(|error| error.in_file(path.to_owned()))?;
        config.origin.path = Some(path.to_owned());
        Ok(config)
    }

    /// Writes the configuration, so that reading it gives the same one.
    ///
    /// A key that stands in it in clear ([`KeySource::Insecure`]) is written in clear.
    ///
    /// # Errors
    ///
    /// A path is not UTF-8, which TOML cannot say: no configuration that was read has such.
    pub fn to_toml(&self) -> Result<String, ConfigError> {
        toml::to_string_pretty(self).map_err(|error| ConfigError::unwritable(&error))
    }

    /// The JSON Schema of the file, for editors.
    pub fn schema() -> serde_json::Value {
        let mut schema = schemars::schema_for!(Self);
        RecursiveTransform(without_examples).transform(&mut schema);
        schema.to_value()
    }

    /// Looks for what contradicts itself, as reading a file does.
    ///
    /// # Errors
    ///
    /// Names the field, and what would be right.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.check().map_err(|invalid| ConfigError::invalid(invalid).of(self))
    }

    fn parse(text: &str) -> Result<Self, toml::de::Error> {
        let mut root = DeTable::parse(text)?;
        preset::add_preset(root.get_mut());
        let left_out = preset::add_retry(root.get_mut());
        let mut config = Self::deserialize(toml::Deserializer::from(root))?;
        for (name, left_out) in left_out {
            if let Some(retry) = config.routes.get_mut(&name).and_then(|route| route.retry.as_mut()) {
                retry.left_out = left_out;
            }
        }
        config.origin.text = Some(text.into());
        Ok(config)
    }
}

impl FromStr for Config {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        Self::from_toml(text)
    }
}

/// Leaves out what describes a field to who writes Rust.
fn without_examples(schema: &mut Schema) {
    let description = schema.as_object_mut().and_then(|schema| schema.get_mut("description"));
    if let Some(serde_json::Value::String(text)) = description
        && let Some(end) = text.find("\n\n# Examples")
    {
        text.truncate(end);
    }
}
