//! What a call ended with, as the API says it: the backend's own words where it had any, and never its address.

use std::error::Error as _;

use axum::http::{HeaderName, StatusCode};
use mainstay::{Error, Failure, Fault, FaultKind, HasFault, Report, idempotency::Refused, openai, router};

use crate::api_error::ApiError;

/// Says why a call got no answer.
pub(crate) fn told(failure: &Failure) -> ApiError {
    let fault = failure.fault();
    match failure.error() {
        Error::NoRoute { model, known, .. } => ApiError::no_model(model, known),
        Error::Key(refused) if *refused == Refused::CONFLICT => {
            let message = "the idempotency key was used for another request";
            let error = ApiError::invalid(message, None);
            ApiError {
                status: StatusCode::UNPROCESSABLE_ENTITY,
                code: Some("idempotency_conflict".into()),
                ..error
            }
        }
        error => match upstream(error) {
            Some(upstream) => {
                relayed(upstream, || story(failure.report(), &fault)).retry_after(fault.retry_after)
            }
            None => own(fault.kind, ours(error, failure.report(), &fault)).retry_after(fault.retry_after),
        },
    }
}

/// Says how a stream broke.
pub(crate) fn interrupted(error: &openai::Error) -> ApiError {
    let mut told =
        relayed(error, || "the stream broke off: what came is the beginning of an answer".to_owned());
    told.code.get_or_insert_with(|| "stream_interrupted".into());
    told
}

/// The error of the backend that failed last, or most usefully, if one was asked.
fn upstream(error: &Error) -> Option<&openai::Error> {
    match error {
        Error::Call(error) => Some(error),
        Error::Routed(routed) => match &**routed {
            router::Error::Backend(failed) => upstream(failed.error()),
            _ => None,
        },
        Error::Exhausted(exhausted) => upstream(exhausted.source()?.downcast_ref()?),
        _ => None,
    }
}

/// Keeps what the backend said. Where it said nothing that the API knows, the status is that of a gateway. The words with which it refuses
/// the proxy's key are not told: a part of the key is in them.
fn relayed(error: &openai::Error, words: impl FnOnce() -> String) -> ApiError {
    let kind = error.fault().kind;
    let told = error.message().filter(|_| kind != FaultKind::Auth);
    let own = own(kind, told.map_or_else(words, str::to_owned));
    let refused = error.status().filter(|status| status.is_client_error() || status.is_server_error());
    let spoke = error.message().is_some() || error.code().is_some();
    let kept = ["x-request-id", "x-should-retry"].map(HeaderName::from_static);
    let headers =
        kept.into_iter().filter_map(|name| Some((name.clone(), error.headers().get(name)?.clone())));
    ApiError {
        status: refused.unwrap_or(own.status),
        kind: error.api_type().map_or(own.kind, str::to_owned),
        param: error.param().map(Into::into),
        code: if spoke { error.code().map(Into::into) } else { own.code },
        headers: headers.collect(),
        message: own.message,
    }
}

/// An error of this side, by its kind.
fn own(kind: FaultKind, message: String) -> ApiError {
    let (status, name) = match kind {
        FaultKind::RateLimited => (StatusCode::TOO_MANY_REQUESTS, "rate_limit_error"),
        FaultKind::QuotaExhausted => (StatusCode::TOO_MANY_REQUESTS, "insufficient_quota"),
        FaultKind::Overloaded | FaultKind::Shed => (StatusCode::SERVICE_UNAVAILABLE, "server_error"),
        FaultKind::Timeout => (StatusCode::GATEWAY_TIMEOUT, "server_error"),
        FaultKind::Auth => (StatusCode::UNAUTHORIZED, "invalid_request_error"),
        FaultKind::ModelNotFound => (StatusCode::NOT_FOUND, "invalid_request_error"),
        FaultKind::ContextLength | FaultKind::ContentFiltered | FaultKind::InvalidRequest => {
            (StatusCode::BAD_REQUEST, "invalid_request_error")
        }
        _ => (StatusCode::BAD_GATEWAY, "server_error"),
    };
    let code = match kind {
        FaultKind::QuotaExhausted => "insufficient_quota",
        FaultKind::Auth => "invalid_api_key",
        _ => kind.as_str(),
    };
    ApiError::new(status, name, Some(code), message)
}

/// What to say where no backend's words are at hand.
fn ours(error: &Error, report: &Report, fault: &Fault) -> String {
    match error {
        Error::Limited(limited) => limited.to_string(),
        Error::Rejected(rejected) => format!("the answer was no good: {rejected}"),
        Error::Skipped { none, .. } => none.to_string(),
        _ => story(report, fault),
    }
}

/// What was tried, by the names of the backends.
fn story(report: &Report, fault: &Fault) -> String {
    let faults = report.attempts.iter().filter_map(|attempt| Some((&attempt.backend, attempt.fault?)));
    let told: Vec<_> = faults.map(|(backend, fault)| format!("{backend}: {fault}")).collect();
    if told.is_empty() { format!("no backend could take the call: {fault}") } else { told.join("; ") }
}
