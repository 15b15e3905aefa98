use axum::{Json, extract::State};
use serde_json::{Value, json};

use crate::app::App;

/// `GET /health`: the process serves, how many models, and which backends are set aside.
pub(crate) async fn health(State(app): State<App>) -> Json<Value> {
    let status = app.mainstay.status();
    let set_aside: Vec<_> = status.backends.iter().filter(|backend| !backend.is_up()).collect();
    Json(json!({"status": "ok", "models": app.mainstay.models().len(), "set_aside": set_aside}))
}
