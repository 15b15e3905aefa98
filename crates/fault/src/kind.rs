use std::{fmt, str::FromStr};

use thiserror::Error;

/// Names what went wrong with a call, in the few kinds that call for different answers.
///
/// The kind says what to *do*, not what the server wrote: an exhausted quota and a rate limit are both sent as
/// `429`, and are opposites. What each kind allows is in [`Verdict::of`](crate::Verdict::of), the one table.
///
/// # Examples
///
/// ```
/// use mainstay_fault::FaultKind;
///
/// assert_eq!(FaultKind::RateLimited.as_str(), "rate_limited");
/// assert_eq!("rate_limited".parse(), Ok(FaultKind::RateLimited));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FaultKind {
    /// Too many requests or tokens in the provider's window: 429 `rate_limit_exceeded`, `slow_down`.
    RateLimited,
    /// The money or the plan is used up: 402, or 429 with `insufficient_quota` and its like. Waiting does not help.
    QuotaExhausted,
    /// The provider has no capacity at the moment: 503, 529, `overloaded_error`.
    Overloaded,
    /// The provider or a proxy before it failed: 408, 409, 425, 500, 502, 504, 520 to 524.
    Unavailable,
    /// A deadline passed: of the attempt, up to the first token, or between two tokens.
    Timeout,
    /// No connection, or it was lost before the answer: refused, reset, DNS, TLS.
    Connect,
    /// The body is not what the API promises: HTML under 200, cut short, an empty 200, a stream without a token.
    Malformed,
    /// The answer came whole and failed the caller's own check: not the JSON asked for, empty, cut by length.
    Rejected,
    /// A stream broke after its first token. The caller has seen a part of it, so it is not sent again.
    Interrupted,
    /// The backend does not serve the model: 404 `model_not_found`, `DeploymentNotFound`, 410.
    ModelNotFound,
    /// The key is missing, wrong, or not allowed: 401, 403.
    Auth,
    /// The prompt does not fit into the model's window: 400 or 413 `context_length_exceeded` and its dialects.
    ContextLength,
    /// Refused by policy: `content_filter`, `content_policy_violation`, or that finish reason.
    ContentFiltered,
    /// The caller's own mistake: any other 400, 404, 405, 413, 415, 422.
    InvalidRequest,
    /// Refused on this side: by a limiter, a budget, or because no backend is left.
    Shed,
    /// The caller went away.
    Cancelled,
}

/// Says that a text names no [`FaultKind`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unknown fault kind {0:?}: expected one of rate_limited, quota_exhausted, overloaded, … cancelled")]
pub struct UnknownFaultKind(pub String);

// === impl FaultKind ===

impl FaultKind {
    /// Every kind, in the order of the table of decisions.
    pub const ALL: [Self; 16] = [
        Self::RateLimited,
        Self::QuotaExhausted,
        Self::Overloaded,
        Self::Unavailable,
        Self::Timeout,
        Self::Connect,
        Self::Malformed,
        Self::Rejected,
        Self::Interrupted,
        Self::ModelNotFound,
        Self::Auth,
        Self::ContextLength,
        Self::ContentFiltered,
        Self::InvalidRequest,
        Self::Shed,
        Self::Cancelled,
    ];

    /// Returns the kind's name in `snake_case`, as it stands in metrics, logs and configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RateLimited => "rate_limited",
            Self::QuotaExhausted => "quota_exhausted",
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::Connect => "connect",
            Self::Malformed => "malformed",
            Self::Rejected => "rejected",
            Self::Interrupted => "interrupted",
            Self::ModelNotFound => "model_not_found",
            Self::Auth => "auth",
            Self::ContextLength => "context_length",
            Self::ContentFiltered => "content_filtered",
            Self::InvalidRequest => "invalid_request",
            Self::Shed => "shed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Returns the kind in words, for people.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::RateLimited => "rate limited",
            Self::QuotaExhausted => "quota exhausted",
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timed out",
            Self::Connect => "connection failed",
            Self::Malformed => "malformed response",
            Self::Rejected => "answer rejected",
            Self::Interrupted => "stream interrupted",
            Self::ModelNotFound => "model not found",
            Self::Auth => "not authorised",
            Self::ContextLength => "context length exceeded",
            Self::ContentFiltered => "content filtered",
            Self::InvalidRequest => "invalid request",
            Self::Shed => "shed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for FaultKind {
    type Err = UnknownFaultKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| UnknownFaultKind(text.to_owned()))
    }
}
