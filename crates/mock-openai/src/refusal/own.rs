//! What the server itself refuses, without any fault in its plan.

use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, StatusCode, header};

use super::{ErrorBody, Refusal};
use crate::wire::go_duration;

const INVALID: &str = "invalid_request_error";
const UNPARSABLE: &str = "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your \
    HTTP library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON. If you have \
    trouble figuring out how to fix this, please contact us through our help center at help.openai.com.)";

// === impl Refusal ===

impl Refusal {
    pub(crate) fn bad_json(error: &serde_json::Error) -> Self {
        let told = format!("Invalid body: {error}.");
        let body = if error.is_data() {
            ErrorBody::new(INVALID, told).code("invalid_type")
        } else {
            ErrorBody::new(INVALID, UNPARSABLE)
        };
        Self::json("invalid_request", StatusCode::BAD_REQUEST, &body)
    }

    pub(crate) fn missing(param: &str) -> Self {
        let message = format!("Missing required parameter: '{param}'.");
        let body = ErrorBody::new(INVALID, message).param(param).code("missing_required_parameter");
        Self::json("invalid_request", StatusCode::BAD_REQUEST, &body)
    }

    pub(crate) fn invalid_value(param: &str, value: &str, rule: &str) -> Self {
        let message = format!("Invalid '{param}': {value}, {rule}.");
        let body = ErrorBody::new(INVALID, message).param(param).code("invalid_value");
        Self::json("invalid_request", StatusCode::BAD_REQUEST, &body)
    }

    pub(crate) fn unknown_url(method: &Method, path: &str) -> Self {
        let message = format!("Invalid URL ({method} {path})");
        Self::json("unknown_url", StatusCode::NOT_FOUND, &ErrorBody::new(INVALID, message))
    }

    pub(crate) fn wrong_method(method: &Method, allowed: &'static str) -> Self {
        let message = format!(
            "Not allowed to {method} on this URL (HINT: Perhaps you meant to use {allowed} instead?)"
        );
        let body = ErrorBody::new(INVALID, message).code("method_not_supported");
        let allow = (header::ALLOW, HeaderValue::from_static(allowed));
        Self::json("wrong_method", StatusCode::METHOD_NOT_ALLOWED, &body).with_headers([allow])
    }

    pub(crate) fn too_large(limit: usize) -> Self {
        let message = format!("Request body is too large: the limit is {limit} bytes.");
        let body = ErrorBody::new(INVALID, message).code("request_too_large");
        Self::json("too_large", StatusCode::PAYLOAD_TOO_LARGE, &body)
    }

    pub(crate) fn key_in_use(key: &str) -> Self {
        let message = format!("A request with the idempotency key '{key}' is still in progress.");
        let body = ErrorBody::new(INVALID, message).code("idempotency_key_in_use");
        Self::json("key_in_use", StatusCode::CONFLICT, &body)
    }

    /// 401; `key` is what was given, if anything was.
    pub(crate) fn unauthorized(key: Option<&str>) -> Self {
        const WHERE: &str = "https://platform.openai.com/account/api-keys";
        let message = match key {
            Some(key) => {
                format!("Incorrect API key provided: {}. You can find your API key at {WHERE}.", masked(key))
            }
            None => format!(
                "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer \
                 auth (i.e. Authorization: Bearer YOUR_KEY). You can obtain an API key from {WHERE}."
            ),
        };
        let body = ErrorBody::new(INVALID, message).code("invalid_api_key");
        Self::json("unauthorized", StatusCode::UNAUTHORIZED, &body)
    }

    pub(crate) fn model_not_found(model: &str) -> Self {
        let message = format!("The model `{model}` does not exist or you do not have access to it.");
        let body = ErrorBody::new(INVALID, message).code("model_not_found");
        Self::json("model_not_found", StatusCode::NOT_FOUND, &body)
    }

    pub(crate) fn overloaded() -> Self {
        let body =
            ErrorBody::new("overloaded_error", "The engine is currently overloaded, please try again later");
        Self::json("overloaded", StatusCode::SERVICE_UNAVAILABLE, &body)
    }

    /// 429 for `kind`, "requests" or "tokens"; `wait` is `None` for what will never fit.
    pub(crate) fn rate_limited(kind: &'static str, message: String, wait: Option<Duration>) -> Self {
        let body = ErrorBody::new(kind, message).code("rate_limit_exceeded");
        let refusal = Self::json("rate_limited", StatusCode::TOO_MANY_REQUESTS, &body);
        let Some(wait) = wait else { return refusal };
        let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        refusal.with_headers([
            (header::RETRY_AFTER, millis.div_ceil(1000).into()),
            (HeaderName::from_static("retry-after-ms"), millis.into()),
        ])
    }

    /// The words of OpenAI for a limit that is reached.
    pub(crate) fn limit_message(
        model: &str,
        per_minute: &str,
        limit: u64,
        used: u64,
        asked: u64,
        wait: Duration,
    ) -> String {
        format!(
            "Rate limit reached for {model} in organization org-mock on {per_minute}: Limit {limit}, Used {used}, Requested \
             {asked}. Please try again in {}. Visit https://platform.openai.com/account/rate-limits to learn more.",
            go_duration(wait)
        )
    }
}

/// A key as it may be shown: its ends.
fn masked(key: &str) -> String {
    let head: String = key.chars().take(4).collect();
    let tail: String = key.chars().skip(4).collect::<Vec<_>>().iter().rev().take(4).rev().collect();
    format!("{head}****{tail}")
}
