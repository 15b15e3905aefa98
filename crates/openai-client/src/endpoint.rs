use std::fmt;

use url::{Host, Url};

use crate::InvalidSetting;

/// Where the API is, and how its paths are made.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    base: Url,
    azure: bool,
    /// The URLs of operations whose paths do not depend on the model, made once.
    made: [Url; OPERATIONS.len()],
}

/// What is asked of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Chat,
    Embeddings,
    Models,
}

const OPERATIONS: [Operation; 3] = [Operation::Chat, Operation::Embeddings, Operation::Models];

// === impl Endpoint ===

impl Endpoint {
    /// Reads the URL up to which all paths are the same, `https://api.openai.com/v1` for one.
    pub(crate) fn new(base_url: &str) -> Result<Self, InvalidSetting> {
        let parsed = Url::parse(base_url.trim()).ok();
        let http = parsed.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let base = http.ok_or_else(|| {
            let reason = "no URL that begins with http:// or https:// and names a host";
            InvalidSetting::new("base_url", shown(base_url), reason)
        })?;
        if !base.username().is_empty() || base.password().is_some() {
            return Err(InvalidSetting::new(
                "base_url",
                "…",
                "must not hold credentials: set the API key instead",
            ));
        }
        let chat = format!("/{}", Operation::Chat);
        if base.path().trim_end_matches('/').ends_with(&chat) {
            let reason = format!("must end before {chat}, which is added to it");
            return Err(InvalidSetting::new("base_url", shown(base_url), reason));
        }
        let made = OPERATIONS.map(|operation| at(&base, operation.path().iter().copied()));
        Ok(Self { base, azure: false, made })
    }

    /// Makes paths as Azure does: by deployment, with the API's version in the query.
    pub(crate) fn azure(mut self, api_version: &str) -> Self {
        self.azure = true;
        self.base.query_pairs_mut().append_pair("api-version", api_version);
        self
    }

    pub(crate) const fn is_azure(&self) -> bool {
        self.azure
    }

    /// Whether the API is on this machine.
    pub(crate) fn is_local(&self) -> bool {
        match self.base.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        }
    }

    pub(crate) fn host(&self) -> String {
        let host = self.base.host_str().unwrap_or_default();
        self.base.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    pub(crate) fn is_openai(&self) -> bool {
        self.base.host_str() == Some("api.openai.com")
    }

    /// What stands of a model in the URLs of its operations: only Azure's name it.
    pub(crate) fn deployment(&self, model: &str) -> Option<Box<str>> {
        self.azure.then(|| model.into())
    }

    /// The URL of an operation.
    pub(crate) fn url(&self, operation: Operation, deployment: Option<&str>) -> Url {
        let [chat, embeddings, models] = &self.made;
        match operation {
            _ if self.azure => self.azure_url(operation, deployment),
            Operation::Chat => chat.clone(),
            Operation::Embeddings => embeddings.clone(),
            Operation::Models => models.clone(),
        }
    }

    fn azure_url(&self, operation: Operation, deployment: Option<&str>) -> Url {
        let deployment = deployment.into_iter().flat_map(|name| ["deployments", name]);
        at(&self.base, ["openai"].into_iter().chain(deployment).chain(operation.path().iter().copied()))
    }
}

/// What may be told of a base URL of which nobody knows how it is to be read: nothing, if a secret may stand in it.
pub(crate) fn shown(base_url: &str) -> &str {
    match base_url {
        "" => "(empty)",
        url if url.contains(['@', '?']) => "…",
        url => url,
    }
}

/// The URL of a path below another.
fn at<'a>(base: &Url, path: impl Iterator<Item = &'a str>) -> Url {
    let mut url = base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    url
}

impl fmt::Display for Endpoint {
    /// Shows the URL without its query.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.base.clone();
        shown.set_query(None);
        f.write_str(shown.as_str().trim_end_matches('/'))
    }
}

// === impl Operation ===

impl Operation {
    const fn path(self) -> &'static [&'static str] {
        match self {
            Self::Chat => &["chat", "completions"],
            Self::Embeddings => &["embeddings"],
            Self::Models => &["models"],
        }
    }

    /// The operation's name in OpenTelemetry's conventions.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Embeddings => "embeddings",
            Self::Models => "list_models",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path().join("/"))
    }
}
