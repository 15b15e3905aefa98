//! `GET /v1/models`: the routes, as models.

use axum::{
    Json,
    extract::{Path, State},
};
use serde_json::{Value, json};

use crate::{api_error::ApiError, app::App};

pub(crate) async fn list(State(app): State<App>) -> Json<Value> {
    let models: Vec<_> = app.mainstay.models().iter().map(|name| model(name)).collect();
    Json(json!({"object": "list", "data": models}))
}

pub(crate) async fn retrieve(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let known = app.mainstay.models();
    if known.contains(&id) { Ok(Json(model(&id))) } else { Err(ApiError::no_model(&id, &known)) }
}

fn model(name: &str) -> Value {
    json!({"id": name, "object": "model", "created": 0, "owned_by": "mainstay"})
}
