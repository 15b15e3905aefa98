//! `POST /v1/embeddings`.

use axum::{
    Extension, Json,
    body::Body,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use mainstay::EmbeddingRequest;

use crate::{api_error::ApiError, app::App, body, chat, failure, keys::Caller};

/// Embeds texts by the route of the model that is named.
pub(crate) async fn embed(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let bytes = body::read(&headers, body, app.max_body.get()).await?;
    let mut request: EmbeddingRequest = serde_json::from_slice(&bytes).map_err(|wrong| {
        ApiError::invalid(format!("the body is no request for embeddings: {wrong}"), None)
    })?;
    chat::carry_key(&headers, caller, &mut request)?;
    let reply = app.mainstay.embed(request).await.map_err(|failure| failure::told(&failure))?;
    let headers = chat::told(&reply.response.headers, &reply.report);
    Ok((headers, Json(reply.into_response())).into_response())
}
