use axum::{Json, extract::State};
use serde_json::{Value, json};

use crate::app::App;

/// `GET /health`: the process serves, and how many models.
pub(crate) async fn health(State(app): State<App>) -> Json<Value> {
    Json(json!({"status": "ok", "models": app.mainstay.models().len()}))
}
