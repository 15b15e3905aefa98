//! The arguments of a tool call.

use serde_json::Value;

use super::schema;

/// Arguments that fit the tool's schema.
pub(super) fn fill(parameters: &str, prompt: &str) -> String {
    let schema: Value = serde_json::from_str(parameters).unwrap_or_default();
    schema::fill(&schema, None, prompt).to_string()
}
