//! Answers that say no: a status and an error body, in the words of the service that is mimicked.

mod dialect;
mod own;
mod planned;

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;

pub(crate) use self::{dialect::Overlong, planned::html};

/// An answer that says no.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    /// The name under which it is counted.
    pub(crate) outcome: &'static str,
    pub(crate) status: StatusCode,
    /// A later one replaces an earlier one of its name.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
}

/// An error as OpenAI writes it.
#[derive(Serialize)]
pub(crate) struct ErrorBody<'a> {
    error: ErrorFields<'a>,
}

#[derive(Serialize)]
struct ErrorFields<'a> {
    message: Cow<'a, str>,
    r#type: &'a str,
    param: Option<&'a str>,
    code: Option<&'a str>,
}

// === impl Refusal ===

impl Refusal {
    pub(crate) fn json(outcome: &'static str, status: StatusCode, body: &impl Serialize) -> Self {
        let body = serde_json::to_vec(body).unwrap_or_default();
        Self::with_type(outcome, status, "application/json", body)
    }

    fn with_type(
        outcome: &'static str,
        status: StatusCode,
        kind: &'static str,
        body: impl Into<Bytes>,
    ) -> Self {
        let kind = (header::CONTENT_TYPE, HeaderValue::from_static(kind));
        Self { outcome, status, headers: vec![kind], body: body.into() }
    }

    #[must_use]
    pub(crate) fn with_headers(
        mut self,
        headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>,
    ) -> Self {
        self.headers.extend(headers);
        self
    }
}

// === impl ErrorBody ===

impl<'a> ErrorBody<'a> {
    pub(crate) fn new(r#type: &'a str, message: impl Into<Cow<'a, str>>) -> Self {
        Self { error: ErrorFields { message: message.into(), r#type, param: None, code: None } }
    }

    #[must_use]
    pub(crate) fn code(mut self, code: &'a str) -> Self {
        self.error.code = Some(code);
        self
    }

    #[must_use]
    pub(crate) fn param(mut self, param: &'a str) -> Self {
        self.error.param = Some(param);
        self
    }
}
