//! A response before it is sent.

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use serde::Serialize;
use tokio::time::Instant;

use crate::{
    ledger::Call,
    line::Line,
    play::Played,
    refusal::Refusal,
    script::{Script, Step},
};

/// A response before it is sent.
pub(crate) struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    steps: Vec<Step>,
    length: Option<u64>,
    call: Option<Call>,
}

// === impl Reply ===

impl Reply {
    pub(crate) fn json(body: &impl Serialize) -> Self {
        Self::refusal(Refusal::json("ok", StatusCode::OK, body))
    }

    pub(crate) fn refusal(refusal: Refusal) -> Self {
        let Refusal { status, headers, body, .. } = refusal;
        let length = Some(body.len() as u64);
        let steps = if body.is_empty() { Vec::new() } else { vec![Step::Send(body, None)] };
        Self { status, headers: HeaderMap::new(), steps, length, call: None }.with_headers(headers)
    }

    pub(crate) fn answer(answer: Played, call: Call) -> Self {
        let Played { content_type, steps, length, .. } = answer;
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        Self { status: StatusCode::OK, headers, steps, length, call: Some(call) }
    }

    #[must_use]
    pub(crate) fn with_headers(
        mut self,
        headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>,
    ) -> Self {
        for (name, value) in headers {
            self.headers.insert(name, value);
        }
        self
    }

    /// The reply whose last byte ends this call.
    #[must_use]
    pub(crate) fn for_call(self, call: Call) -> Self {
        Self { call: Some(call), ..self }
    }

    /// Adds what every response has: an id and the time that it took.
    pub(crate) fn into_response(self, id: u64, arrived: Instant, line: Line) -> Response<Script> {
        let mut response = Response::new(Script::new(self.steps, self.length, line, self.call));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        let id = HeaderValue::try_from(format!("req_{id:032x}"));
        response.headers_mut().extend(id.map(|id| (HeaderName::from_static("x-request-id"), id)));
        let took = u64::try_from(arrived.elapsed().as_millis()).unwrap_or(u64::MAX);
        response.headers_mut().insert(HeaderName::from_static("openai-processing-ms"), took.into());
        response
    }
}
