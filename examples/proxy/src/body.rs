//! Reads a request's body, up to a limit.

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, header},
};
use http_body_util::BodyExt;
use mainstay::ChatRequest;

use crate::api_error::ApiError;

/// How many times the limit is read and thrown away, so that a caller who writes all before reading gets the answer and
/// not a reset.
const PATIENCE: usize = 4;

/// Reads the body whole.
pub(crate) async fn read(headers: &HeaderMap, mut body: Body, limit: usize) -> Result<Bytes, ApiError> {
    let promised = promised(headers);
    if promised > limit && (promised / PATIENCE > limit || waits_for_permission(headers)) {
        return Err(ApiError::too_large(limit));
    }
    let mut pieces = Vec::with_capacity(promised.min(limit));
    let mut read = 0_usize;
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|error| ApiError::invalid(format!("the body ended early: {error}"), None))?;
        let Ok(data) = frame.into_data() else { continue };
        read = read.saturating_add(data.len());
        if read <= limit {
            pieces.extend_from_slice(&data);
        } else if read / PATIENCE > limit {
            break;
        }
    }
    if read > limit { Err(ApiError::too_large(limit)) } else { Ok(pieces.into()) }
}

/// Reads a chat; an error names the field.
pub(crate) fn chat(body: &[u8]) -> Result<ChatRequest, ApiError> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let request = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        match path.as_str() {
            _ if !error.inner().is_data() => {
                ApiError::invalid(format!("the body is not JSON: {}", error.inner()), None)
            }
            "." => ApiError::invalid(format!("the body cannot be read: {}", error.inner()), None),
            _ => ApiError::invalid(format!("{path}: {}", error.inner()), Some(path.into())),
        }
    })?;
    json.end().map_err(|error| ApiError::invalid(format!("the body is not JSON: {error}"), None))?;
    Ok(request)
}

fn promised(headers: &HeaderMap) -> usize {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    length.and_then(|length| length.parse().ok()).unwrap_or(0)
}

fn waits_for_permission(headers: &HeaderMap) -> bool {
    headers.get(header::EXPECT).is_some_and(|expect| expect.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}
