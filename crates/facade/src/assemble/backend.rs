use std::collections::HashMap;

use mainstay_openai_client::Client;

use crate::{BackendConfig, BuildError, Config, ConfigError, config::Spot};

/// The clients of all backends, by name.
pub(super) fn clients(config: &Config) -> Result<HashMap<&str, Client>, BuildError> {
    let spot = Spot::default().key("backends");
    let client = |(name, backend): (&'_ String, &BackendConfig)| client(config, backend, &spot.key(name));
    config.backends.iter().map(|entry| Ok((entry.0.as_str(), client(entry)?))).collect()
}

fn client(config: &Config, backend: &BackendConfig, spot: &Spot) -> Result<Client, BuildError> {
    let mut builder = Client::builder()
        .base_url(&backend.base_url)
        .first_token_timeout(config.first_token_timeout)
        .between_tokens_timeout(config.between_tokens_timeout)
        .timeout(config.deadline);
    if let Some(source) = &backend.api_key {
        let key = source.read().map_err(|wrong| {
            ConfigError::invalid(spot.key("api_key").invalid(format!("cannot be read: {wrong}")))
        })?;
        builder = builder.api_key(key);
    }
    if let Some(limit) = backend.connect_timeout {
        builder = builder.connect_timeout(limit);
    }
    for (name, value) in &backend.headers {
        builder = builder.header(name, value);
    }
    let built = builder.build();
    built.map_err(|invalid| ConfigError::invalid(spot.invalid(format!("cannot be used: {invalid}"))).into())
}
