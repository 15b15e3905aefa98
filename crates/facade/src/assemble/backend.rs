use std::collections::HashMap;

use mainstay_openai_client::{Client, ClientBuilder};

use crate::{BackendConfig, BuildError, Config, ConfigError, config::Spot, parts::Parts};

/// A configuration does not look into the environment unless it says so.
const NO_KEY: &str = "is missing, which this server needs: say where it is, by { env = \"OPENAI_API_KEY\" } or { file = \"PATH\" }";

/// The clients of all backends, by name.
pub(super) fn clients<'c>(config: &'c Config, parts: &Parts) -> Result<HashMap<&'c str, Client>, BuildError> {
    let spot = Spot::default().key("backends");
    let client = |(name, backend): (&'c String, &BackendConfig)| {
        let spot = spot.key(name);
        let said = client(config, backend, &spot)?;
        let builder = if let Some(set) = parts.clients.get(name) { set(said) } else { said };
        let built = builder.build();
        let built = built.map_err(|invalid| {
            let (spot, why) = match invalid.field() {
                "api_key" if backend.api_key.is_none() && !parts.clients.contains_key(name) => {
                    (spot.key("api_key"), NO_KEY.to_owned())
                }
                "header" => (spot.key("headers"), format!("cannot be used: {invalid}")),
                field => (spot.key(field), format!("cannot be used: {invalid}")),
            };
            ConfigError::invalid(spot.invalid(why))
        })?;
        Ok((name.as_str(), built))
    };
    config.backends.iter().map(client).collect()
}

fn client(config: &Config, backend: &BackendConfig, spot: &Spot) -> Result<ClientBuilder, BuildError> {
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
        let value = value.read().map_err(|wrong| {
            let spot = spot.key("headers").key(name);
            ConfigError::invalid(spot.invalid(format!("cannot be read: {wrong}")))
        })?;
        builder = builder.header(name, value);
    }
    Ok(builder)
}
