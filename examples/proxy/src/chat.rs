//! `POST /v1/chat/completions`, whole and as a stream.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::{
    Extension, Json,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue},
    response::{IntoResponse, Response},
};
use mainstay::{
    ChatRequest, ChatResponse, Degradation, Reply, Report, fault::HasCall, idempotency, openai::ChatChunk,
};

use crate::{api_error::ApiError, app::App, body, events, failure, keys::Caller};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Answers a chat. When the caller goes away, this is dropped, and with it the call to the backend.
pub(crate) async fn complete(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let mut request = body::chat(&body::read(&headers, body, app.max_body.get()).await?)?;
    carry_key(&headers, caller, &mut request)?;
    if request.stream == Some(true) { stream(app, request).await } else { whole(app, request).await }
}

async fn whole(app: App, request: ChatRequest) -> Result<Response, ApiError> {
    let reply = app.mainstay.chat(request).await.map_err(|failure| failure::told(&failure))?;
    let Reply { response, report, .. } = reply;
    let headers = told(&response.headers, &report);
    Ok((headers, Json(completed(Arc::unwrap_or_clone(response)))).into_response())
}

/// Its head is sent at the first token: what fails before it has a status of its own.
async fn stream(app: App, request: ChatRequest) -> Result<Response, ApiError> {
    let stream = app.mainstay.chat_stream(request).await.map_err(|failure| failure::told(&failure))?;
    let headers = told(stream.headers(), &stream.report());
    Ok((headers, events::relay(stream)).into_response())
}

/// Takes the caller's idempotency key along, marked as the caller's own: all attempts carry it, and where keys are remembered, it
/// runs once. An empty one is none: it would be one key for all who send it.
pub(crate) fn carry_key(
    headers: &HeaderMap,
    caller: Caller,
    request: &mut impl HasCall,
) -> Result<(), ApiError> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(()) };
    let key =
        key.to_str().map_err(|_| ApiError::invalid("the idempotency key is not in plain text", None))?;
    if key.trim().is_empty() {
        return Ok(());
    }
    if let Some(call) = request.call_mut() {
        call.key = Some(caller.own(key).into());
    }
    Ok(())
}

/// What callers expect of any answer, for those that no server gave.
fn completed(mut response: ChatResponse) -> ChatResponse {
    if response.id.is_empty() {
        response.id = new_id();
    }
    response.object.get_or_insert_with(|| "chat.completion".to_owned());
    response.created.get_or_insert_with(|| now().as_secs());
    response
}

/// The same for the chunks of a stream, all of which have one id and one time. One without choices, before any with them, may be a
/// provider's preface, which names the answer later.
#[derive(Default)]
pub(crate) struct Completed(Option<(String, u64)>);

impl Completed {
    pub(crate) fn complete(&mut self, chunk: &mut ChatChunk) {
        if chunk.id.is_empty() && (self.0.is_some() || !chunk.choices.is_empty()) {
            let (id, created) = self.0.get_or_insert_with(|| (new_id(), now().as_secs()));
            chunk.id.clone_from(id);
            chunk.created.get_or_insert(*created);
        }
    }
}

fn new_id() -> String {
    format!("chatcmpl-{}", idempotency::new_key())
}

/// The backend's name for the request, and what it took to get the answer.
pub(crate) fn told(upstream: &HeaderMap, report: &Report) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(id) = upstream.get(REQUEST_ID) {
        headers.insert(REQUEST_ID, id.clone());
    }
    headers.insert("x-mainstay-attempts", report.attempts.len().into());
    let mut say = |name: &'static str, value: Option<String>| {
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            headers.insert(name, value);
        }
    };
    say("x-mainstay-backend", report.served_by().map(str::to_owned));
    say("x-mainstay-tier", report.tier.as_ref().map(ToString::to_string));
    say("x-mainstay-replayed", report.replayed.map(|age| age.as_secs().to_string()));
    let degraded = (report.degraded != Degradation::None).then(|| report.degraded.as_str().to_owned());
    say("x-mainstay-degraded", degraded);
    headers
}

#[expect(clippy::disallowed_methods, reason = "an answer says when it was created, in the world's own time")]
fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
