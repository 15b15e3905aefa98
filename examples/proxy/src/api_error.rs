use std::time::Duration;

use axum::{
    Json,
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    response::{AppendHeaders, IntoResponse, Response},
};
use serde_json::{Value, json};

/// An error as the API says it: `{"error": {"message", "type", "param", "code"}}` under a status.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
    /// Its kind, `invalid_request_error` for one: `type` in JSON.
    pub(crate) kind: String,
    pub(crate) param: Option<Box<str>>,
    pub(crate) code: Option<Box<str>>,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

// === impl ApiError ===

impl ApiError {
    pub(crate) fn new(
        status: StatusCode,
        kind: &str,
        code: Option<&str>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status,
            message: message.into(),
            kind: kind.to_owned(),
            param: None,
            code: code.map(Into::into),
            headers: Vec::new(),
        }
    }

    fn caller(status: StatusCode, code: Option<&str>, message: impl Into<String>) -> Self {
        Self::new(status, "invalid_request_error", code, message)
    }

    /// A body that cannot be read, and the field at which.
    pub(crate) fn invalid(message: impl Into<String>, param: Option<Box<str>>) -> Self {
        Self { param, ..Self::caller(StatusCode::BAD_REQUEST, None, message) }
    }

    pub(crate) fn too_large(limit: usize) -> Self {
        let message = format!("the body is longer than {limit} bytes, which is the most that is taken here");
        Self::caller(StatusCode::PAYLOAD_TOO_LARGE, Some("request_too_large"), message)
    }

    pub(crate) fn no_model(model: &str, known: &[String]) -> Self {
        let message = format!("the model {model:?} does not exist; there are {}", known.join(", "));
        let error = Self::caller(StatusCode::NOT_FOUND, Some("model_not_found"), message);
        Self { param: Some("model".into()), ..error }
    }

    pub(crate) fn unauthorized(message: &str) -> Self {
        let mut error = Self::caller(StatusCode::UNAUTHORIZED, Some("invalid_api_key"), message);
        error.headers.push((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
        error
    }

    pub(crate) fn unknown_url(path: &str) -> Self {
        Self::caller(StatusCode::NOT_FOUND, Some("unknown_url"), format!("there is nothing at {path}"))
    }

    pub(crate) fn wrong_method(method: &Method, path: &str) -> Self {
        let message = format!("{path} does not take {method}");
        Self::caller(StatusCode::METHOD_NOT_ALLOWED, Some("method_not_supported"), message)
    }

    /// Says after what wait it is worth coming back: in whole seconds, which all understand, and in milliseconds, which
    /// the official clients look for first.
    pub(crate) fn retry_after(mut self, wait: Option<Duration>) -> Self {
        if let Some(wait) = wait {
            let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            self.headers.push((header::RETRY_AFTER, millis.div_ceil(1_000).into()));
            self.headers.push((HeaderName::from_static("retry-after-ms"), millis.into()));
        }
        self
    }

    /// The JSON.
    pub(crate) fn body(&self) -> Value {
        let Self { message, kind, param, code, .. } = self;
        json!({"error": {"message": message, "type": kind, "param": param, "code": code}})
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = self.body();
        (self.status, AppendHeaders(self.headers), Json(body)).into_response()
    }
}
