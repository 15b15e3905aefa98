use std::mem;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::de::{DeTable, DeValue};

use super::{Config, RetryConfig, retry::LeftOut};

/// Settings that go together. What a configuration says of its own counts before them.
///
/// | setting | without a preset | interactive | batch |
/// |---|---|---|---|
/// | deadline | 10 min | 30 s | 1 h |
/// | attempt timeout | 2 min | 20 s | 10 min |
/// | first token timeout | 1 min | 8 s | 5 min |
/// | between tokens timeout | 1 min | 10 s | 2 min |
/// | longest wait for a limit | 1 min | 5 s | 30 min |
/// | retries, from, up to | 3, 1 s, 1 min | 2, 250 ms, 2 s | 8, 2 s, 2 min |
/// | longest Retry-After waited for | 1 min | 5 s | 10 min |
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use mainstay::{Config, Preset};
///
/// let config = Config::from_toml("preset = \"interactive\"\ndeadline = \"45s\"")?;
/// assert_eq!(config.preset, Some(Preset::Interactive));
/// assert_eq!((config.deadline, config.retry.retries), (Duration::from_secs(45), 2));
/// # Ok::<_, mainstay::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Preset {
    /// A person waits for the answer: rather a quick error than a late answer.
    Interactive,
    /// Nobody waits for a single answer: rather late than not at all.
    Batch,
}

// === impl Preset ===

impl Preset {
    /// A configuration of nothing but this preset.
    ///
    /// # Panics
    ///
    /// Never: the presets are tested.
    pub fn config(self) -> Config {
        let config = Config::from_toml(self.settings()).expect("a preset is a configuration");
        Config { preset: Some(self), ..config }
    }

    /// Sets what it says, and nothing else; also for the routes of a file that leave it out.
    pub(crate) fn set(self, config: &mut Config) {
        let of = self.config();
        config.preset = of.preset;
        config.deadline = of.deadline;
        config.attempt_timeout = of.attempt_timeout;
        config.first_token_timeout = of.first_token_timeout;
        config.between_tokens_timeout = of.between_tokens_timeout;
        config.max_wait = of.max_wait;
        let retry = RetryConfig { budget: config.retry.budget, ..of.retry };
        let before = mem::replace(&mut config.retry, retry);
        for own in config.routes.values_mut().filter_map(|route| route.retry.as_mut()) {
            own.follow(&before, &config.retry);
        }
    }

    const fn settings(self) -> &'static str {
        match self {
            Self::Interactive => include_str!("../../presets/interactive.toml"),
            Self::Batch => include_str!("../../presets/batch.toml"),
        }
    }
}

/// Adds what the preset says that a configuration names, where it says nothing of its own.
pub(super) fn add_preset(config: &mut DeTable<'_>) {
    let named = |value: &DeValue<'_>| match value.as_str() {
        Some("interactive") => Some(Preset::Interactive),
        Some("batch") => Some(Preset::Batch),
        // What is no preset is refused where the field is read.
        _ => None,
    };
    if let Some(preset) = config.get("preset").and_then(|value| named(value.get_ref()))
        && let Ok(settings) = DeTable::parse(preset.settings())
    {
        add(config, settings.into_inner());
    }
}

/// Adds what is said of retries everywhere, where a route says nothing of its own. Their budget stays one for all. Returns what the
/// routes left out.
pub(super) fn add_retry(config: &mut DeTable<'_>) -> Vec<(String, LeftOut)> {
    let mut everywhere = match config.get("retry").map(|value| value.get_ref().clone()) {
        Some(DeValue::Table(everywhere)) => everywhere,
        _ => DeTable::new(),
    };
    everywhere.remove("budget");
    let mut left_out = Vec::new();
    let routes = config.get_mut("routes").map(toml::Spanned::get_mut);
    let Some(DeValue::Table(routes)) = routes else { return left_out };
    for (name, route) in routes.iter_mut() {
        if let DeValue::Table(route) = route.get_mut()
            && let Some(DeValue::Table(own)) = route.get_mut("retry").map(toml::Spanned::get_mut)
        {
            left_out.push((name.get_ref().to_string(), LeftOut::of(|field| own.contains_key(field))));
            add(own, everywhere.clone());
        }
    }
    left_out
}

fn add<'c>(config: &mut DeTable<'c>, settings: DeTable<'c>) {
    for (key, value) in settings {
        match config.get_mut(key.get_ref().as_ref()).map(toml::Spanned::get_mut) {
            None => _ = config.insert(key, value),
            Some(DeValue::Table(there)) => {
                if let DeValue::Table(more) = value.into_inner() {
                    add(there, more);
                }
            }
            Some(_) => {}
        }
    }
}
