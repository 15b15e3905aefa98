use std::{env, fmt, sync::Arc, time::Duration};

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{AUTHORIZATION, USER_AGENT},
};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    ApiKey, Client, InvalidSetting,
    client::{Shared, Timeouts},
    endpoint::{Endpoint, shown},
    headers::Headers,
};

/// Sets up a [`Client`].
///
/// | setting | default |
/// |---|---|
/// | [`base_url`](Self::base_url) | `https://api.openai.com/v1` |
/// | [`api_key`](Self::api_key) | none; needed for the default base URL |
/// | [`connect_timeout`](Self::connect_timeout) | 10 s |
/// | [`first_token_timeout`](Self::first_token_timeout) | none: `timeout` bounds it |
/// | [`between_tokens_timeout`](Self::between_tokens_timeout) | 60 s |
/// | [`timeout`](Self::timeout) | 10 min |
/// | [`max_response_size`](Self::max_response_size) | 64 MiB |
/// | [`idempotency_header`](Self::idempotency_header) | `Idempotency-Key` |
///
/// `TCP_NODELAY` is on. Proxies are taken from the environment, except for a server on this machine.
///
/// # Examples
///
/// ```
/// use mainstay_openai_client::Client;
///
/// let client = Client::builder().base_url("http://127.0.0.1:8080/v1").build()?;
///
/// let error = Client::builder().base_url("localhost:8080").build().unwrap_err();
/// assert!(error.to_string().starts_with("base_url: \"localhost:8080\""));
/// # Ok::<_, mainstay_openai_client::InvalidSetting>(())
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct ClientBuilder {
    base_url: Option<String>,
    api_key: Option<ApiKey>,
    azure_api_version: Option<String>,
    headers: Vec<(&'static str, String, SecretString)>,
    idempotency_header: Option<String>,
    connect_timeout: Option<Duration>,
    timeouts: Timeouts,
    max_response_size: Option<usize>,
}

const OPENAI: &str = "https://api.openai.com/v1";
const AGENT: &str = concat!("mainstay/", env!("CARGO_PKG_VERSION"));
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_RESPONSE_SIZE: usize = 64 << 20;

// === impl ClientBuilder ===

impl ClientBuilder {
    /// Sets the URL up to which all paths are the same: `http://127.0.0.1:8080/v1`, or an Azure resource's.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Sets the API key, sent as `Authorization: Bearer`, or as `api-key` to Azure.
    pub fn api_key(mut self, key: impl Into<ApiKey>) -> Self {
        self.api_key = Some(key.into());
        self
    }

    /// Takes what the environment says, by the names that OpenAI's own clients read: `OPENAI_API_KEY`,
    /// `OPENAI_BASE_URL`, `OPENAI_ORG_ID`, `OPENAI_PROJECT_ID`. What is unset or empty stays as it is.
    pub fn env(mut self) -> Self {
        let read = |name| env::var(name).ok().filter(|value| !value.is_empty());
        if let Some(url) = read("OPENAI_BASE_URL") {
            self = self.base_url(url);
        }
        if let Some(key) = read("OPENAI_API_KEY") {
            self = self.api_key(key);
        }
        if let Some(id) = read("OPENAI_ORG_ID") {
            self = self.organization(id);
        }
        if let Some(id) = read("OPENAI_PROJECT_ID") {
            self = self.project(id);
        }
        self
    }

    /// Bills an organisation that the key belongs to.
    pub fn organization(self, id: impl Into<String>) -> Self {
        self.named_header("organization", "openai-organization", id)
    }

    /// Bills a project that the key belongs to.
    pub fn project(self, id: impl Into<String>) -> Self {
        self.named_header("project", "openai-project", id)
    }

    /// Adds a header to every request.
    pub fn header(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.named_header("header", name, value)
    }

    /// Speaks to an Azure OpenAI resource: the model's name is the deployment's and stands in the path, the version
    /// in the query, the key in `api-key`. The base URL is the resource's, `https://NAME.openai.azure.com`.
    pub fn azure(mut self, api_version: impl Into<String>) -> Self {
        self.azure_api_version = Some(api_version.into());
        self
    }

    /// Sets the header that carries a request's idempotency key.
    pub fn idempotency_header(mut self, name: impl Into<String>) -> Self {
        self.idempotency_header = Some(name.into());
        self
    }

    /// Sets how long a connection may take to be made, TLS included.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = Some(limit);
        self
    }

    /// Sets how long a stream may take from its call to its first token. Roles, comments and keep-alives are no tokens.
    ///
    /// The call fails then, unless [`Streaming::moving_if`](crate::Streaming::moving_if) says that it has nowhere else to go.
    pub fn first_token_timeout(mut self, limit: Duration) -> Self {
        self.timeouts.first_token = Some(limit);
        self
    }

    /// Sets how long a stream may take from one token to the next, while it is being read.
    pub fn between_tokens_timeout(mut self, limit: Duration) -> Self {
        self.timeouts.between_tokens = limit;
        self
    }

    /// Sets how long an attempt may take in all, body included, streams too.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeouts.total = limit;
        self
    }

    /// Sets how many bytes a response may have, or one event of a stream. More is a malformed response.
    pub fn max_response_size(mut self, bytes: usize) -> Self {
        self.max_response_size = Some(bytes);
        self
    }

    /// Builds the client.
    ///
    /// # Errors
    ///
    /// Names the setting that cannot be used, its value and the reason; for a key, not its value.
    pub fn build(self) -> Result<Client, InvalidSetting> {
        let base_url = self.base_url.as_deref().unwrap_or(OPENAI);
        let mut endpoint = Endpoint::new(base_url)?;
        if let Some(version) = &self.azure_api_version {
            endpoint = endpoint.azure(version);
        }
        let mut http = reqwest::Client::builder();
        if endpoint.is_local() {
            http = http.no_proxy();
        }
        let http = http
            .tcp_nodelay(true)
            .connect_timeout(self.connect_timeout.unwrap_or(CONNECT_TIMEOUT))
            // An attempt is one request: whoever retries counts it, and reqwest would keep a copy of each request for nothing.
            .retry(reqwest::retry::never().max_retries_per_request(0))
            .build()
            .map_err(|error| InvalidSetting::new("http", "reqwest", error.to_string()))?;
        Ok(Client::from(Shared {
            headers: Headers::new(self.headers(&endpoint)?, self.key_header()?),
            timeouts: self.timeouts,
            max_response_size: self.max_response_size.unwrap_or(MAX_RESPONSE_SIZE),
            may_move: None,
            endpoint,
            http,
        }))
    }

    fn named_header(
        mut self,
        field: &'static str,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Self {
        self.headers.push((field, name.into(), SecretString::from(value.into())));
        self
    }

    fn headers(&self, endpoint: &Endpoint) -> Result<HeaderMap, InvalidSetting> {
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        match &self.api_key {
            Some(key) if endpoint.is_azure() => {
                headers.insert("api-key", key.header("")?);
            }
            Some(key) => {
                headers.insert(AUTHORIZATION, key.header("Bearer ")?);
            }
            None if endpoint.is_openai() && !self.headers.iter().any(|(_, name, _)| is_auth(name)) => {
                let reason =
                    "none is set, and api.openai.com needs one: set OPENAI_API_KEY or call api_key(…)";
                return Err(InvalidSetting::new("api_key", "", reason));
            }
            None => {}
        }
        for (field, name, value) in &self.headers {
            let mut parsed = HeaderValue::try_from(value.expose_secret())
                .map_err(|error| InvalidSetting::new(field, name, error.to_string()))?;
            // What is set here may be a secret, whatever it is called.
            parsed.set_sensitive(true);
            headers.insert(header_name(field, name)?, parsed);
        }
        Ok(headers)
    }

    fn key_header(&self) -> Result<HeaderName, InvalidSetting> {
        match &self.idempotency_header {
            Some(name) => header_name("idempotency_header", name),
            None => Ok(HeaderName::from_static("idempotency-key")),
        }
    }
}

impl fmt::Debug for ClientBuilder {
    /// Shows no secret, also none that stands in the base URL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("base_url", &self.base_url.as_deref().map(shown))
            .field("api_key", &self.api_key)
            .field("azure_api_version", &self.azure_api_version)
            .field("headers", &self.headers)
            .field("idempotency_header", &self.idempotency_header)
            .field("connect_timeout", &self.connect_timeout)
            .field("timeouts", &self.timeouts)
            .field("max_response_size", &self.max_response_size)
            .finish()
    }
}

fn header_name(field: &'static str, name: &str) -> Result<HeaderName, InvalidSetting> {
    HeaderName::try_from(name).map_err(|error| InvalidSetting::new(field, name, error.to_string()))
}

/// Whether a header of this name carries a secret.
fn is_auth(name: &str) -> bool {
    ["authorization", "api-key", "x-api-key"].iter().any(|auth| name.eq_ignore_ascii_case(auth))
}

impl From<Shared> for Client {
    fn from(shared: Shared) -> Self {
        Self { shared: Arc::new(shared) }
    }
}
