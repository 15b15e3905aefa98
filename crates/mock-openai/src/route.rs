//! Which request asks for what.

use http::Method;

use crate::{refusal::Refusal, request::Kind};

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    /// A model's work; Azure names the model, its *deployment*, in the path.
    Work {
        kind: Kind,
        deployment: Option<&'a str>,
    },
    Models,
    Stats,
    Reset,
    Health,
}

// === impl Route ===

impl<'a> Route<'a> {
    pub(crate) fn of(method: &Method, path: &'a str) -> Result<Self, Refusal> {
        let route = Self::by_path(path).ok_or_else(|| Refusal::unknown_url(method, path))?;
        if method.as_str() == route.method() {
            Ok(route)
        } else {
            Err(Refusal::wrong_method(method, route.method()))
        }
    }

    fn by_path(path: &'a str) -> Option<Self> {
        if let Some(rest) = path.strip_prefix("/openai/deployments/") {
            let (deployment, rest) = rest.split_once('/')?;
            return Some(Self::Work { kind: work(rest)?, deployment: Some(deployment) });
        }
        let path = path
            .strip_prefix("/openai/v1/")
            .or_else(|| path.strip_prefix("/v1/"))
            .or_else(|| path.strip_prefix('/'))?;
        match path {
            "models" => Some(Self::Models),
            "stats" => Some(Self::Stats),
            "reset" => Some(Self::Reset),
            "healthz" => Some(Self::Health),
            path => Some(Self::Work { kind: work(path)?, deployment: None }),
        }
    }

    fn method(&self) -> &'static str {
        match self {
            Self::Work { .. } | Self::Reset => "POST",
            Self::Models | Self::Stats | Self::Health => "GET",
        }
    }
}

fn work(path: &str) -> Option<Kind> {
    match path {
        "chat/completions" => Some(Kind::Chat),
        "embeddings" => Some(Kind::Embeddings),
        _ => None,
    }
}
