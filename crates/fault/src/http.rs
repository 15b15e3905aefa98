//! Reads the fault out of an HTTP response: status, headers and error body, in the dialects of the field.
//!
//! Any client can use it. The code in the body decides first, the type second, the message only where a dialect has
//! no code for an overlong prompt or a missing model, and the status last.
//!
//! ```
//! use http::{HeaderMap, StatusCode};
//! use mainstay_fault::{FaultKind, http::fault_of};
//!
//! let body = br#"{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}"#;
//! let fault = fault_of(StatusCode::TOO_MANY_REQUESTS, &HeaderMap::new(), body);
//! assert_eq!(fault.kind, FaultKind::QuotaExhausted);
//! ```

mod body;
mod dialect;

use ::http::{HeaderMap, StatusCode};

pub use body::ErrorBody;

use crate::{Fault, FaultKind, retry_after};

/// Judges a response that is not the answer that was asked for.
///
/// `body` may be anything: an error object of any dialect, HTML, cut short, empty. A success status is judged by its
/// body's error object, and is [`Malformed`](FaultKind::Malformed) without one.
///
/// Never fails and never panics. Headers read: `x-should-retry` (`true` or `false`), and those of
/// [`retry_after::from_headers`].
pub fn fault_of(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Fault {
    fault_of_parsed(status, headers, ErrorBody::parse(body).as_ref())
}

/// Judges as [`fault_of`] does, with the body parsed already.
pub fn fault_of_parsed(status: StatusCode, headers: &HeaderMap, body: Option<&ErrorBody>) -> Fault {
    let kind = match body {
        None => kind_of_status(status),
        Some(body) if status.is_success() => kind_of_event(body),
        Some(body) => dialect::kind_of(Some(status), body).unwrap_or_else(|| kind_of_status(status)),
    };
    let mut fault = Fault::new(kind);
    fault.retry_after = retry_after::from_headers(headers);
    fault.should_retry = should_retry(headers);
    fault
}

/// Judges an error object that came without a status of its own: as an event of a stream, or under a 200.
///
/// What no dialect knows is [`Unavailable`](FaultKind::Unavailable): the server said that it failed, not why.
pub fn kind_of_event(body: &ErrorBody) -> FaultKind {
    dialect::kind_of(body.status, body)
        .or_else(|| body.status.map(kind_of_status))
        .unwrap_or(FaultKind::Unavailable)
}

/// Judges by the status alone.
pub fn kind_of_status(status: StatusCode) -> FaultKind {
    match status.as_u16() {
        200..=299 => FaultKind::Malformed,
        401 | 403 => FaultKind::Auth,
        402 => FaultKind::QuotaExhausted,
        410 => FaultKind::ModelNotFound,
        429 => FaultKind::RateLimited,
        503 | 529 => FaultKind::Overloaded,
        408 | 409 | 425 | 500.. => FaultKind::Unavailable,
        _ => FaultKind::InvalidRequest,
    }
}

fn should_retry(headers: &HeaderMap) -> Option<bool> {
    let value = headers.get("x-should-retry")?.as_bytes();
    if value.eq_ignore_ascii_case(b"true") {
        Some(true)
    } else if value.eq_ignore_ascii_case(b"false") {
        Some(false)
    } else {
        None
    }
}
