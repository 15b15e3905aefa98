//! `GET /v1/models`.

use serde_json::{Value, json};

/// The models that a plan without any claims to have.
const USUAL: [&str; 3] = ["gpt-4o", "gpt-4o-mini", "text-embedding-3-small"];

/// Lists models, or the usual ones if there are none.
pub(crate) fn models<'a>(names: impl Iterator<Item = &'a str>) -> Value {
    let mut names: Vec<_> = names.collect();
    if names.is_empty() {
        names.extend(USUAL);
    }
    let model =
        |id| json!({"id": id, "object": "model", "created": 1_700_000_000, "owned_by": "mainstay-mock"});
    json!({"object": "list", "data": names.into_iter().map(model).collect::<Vec<_>>()})
}
