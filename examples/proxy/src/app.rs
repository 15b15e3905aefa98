//! The paths, and what stands before them.

use std::{num::NonZeroUsize, sync::Arc};

use arc_swap::ArcSwapOption;
use axum::{
    Router,
    extract::OriginalUri,
    http::Method,
    middleware,
    routing::{get, post},
};
use mainstay::Mainstay;

use crate::{
    api_error::ApiError,
    chat, embeddings, health,
    keys::{self, Keys},
    meter::{self, Meter},
    models,
};

/// What every handler works with.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) mainstay: Mainstay,
    pub(crate) meter: Meter,
    /// The keys that callers must have one of; none if anybody may call.
    pub(crate) keys: Arc<ArcSwapOption<Keys>>,
    pub(crate) max_body: NonZeroUsize,
}

/// Puts the paths together. `/health` and `/metrics` ask for no key.
pub(crate) fn router(app: App) -> Router {
    let api = Router::new()
        .route("/chat/completions", post(chat::complete))
        .route("/embeddings", post(embeddings::embed))
        .route("/models", get(models::list))
        .route("/models/{*id}", get(models::retrieve))
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(app.clone(), keys::require));
    Router::new()
        .nest("/v1", api)
        .route("/health", get(health::health))
        .route("/metrics", get(meter::render))
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn(meter::count_request))
        .with_state(app)
}

async fn unknown_path(OriginalUri(uri): OriginalUri) -> ApiError {
    ApiError::unknown_url(uri.path())
}

async fn wrong_method(method: Method, OriginalUri(uri): OriginalUri) -> ApiError {
    ApiError::wrong_method(&method, uri.path())
}
