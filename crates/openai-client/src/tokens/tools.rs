//! Tools, as OpenAI's cookbook counts them (`num_tokens_for_tools`), which found its numbers by trial.

use serde_json::Value;

use super::Encoding;
use crate::{Function, Tool};

/// What an object with properties adds.
const PROPERTIES: u64 = 3;
/// What each property adds to its texts.
const PROPERTY: u64 = 3;
/// What each value of an enumeration but the first adds to its text.
const VALUE: u64 = 3;
/// What ends a list of tools.
const END: u64 = 12;

/// Counts the tokens that a request's tools add to its prompt.
pub(super) fn count(encoding: Encoding, tools: &[Tool]) -> u64 {
    if tools.is_empty() {
        return 0;
    }
    let each = tools.iter().map(|tool| match &tool.function {
        Some(function) => of_function(encoding, function),
        None => encoding.count(&serde_json::to_string(tool).unwrap_or_default()),
    });
    each.sum::<u64>() + END
}

fn of_function(encoding: Encoding, function: &Function) -> u64 {
    let begin = match encoding {
        Encoding::Cl100k => 10,
        Encoding::O200k => 7,
    };
    let description = function.description.as_deref().unwrap_or_default();
    let line = format!("{}:{}", function.name, without_stop(description));
    begin
        + encoding.count(&line)
        + function.parameters.as_ref().map_or(0, |schema| of_schema(encoding, schema))
}

/// Counts a schema and those within it: by a list, since recursion would let a deep one exhaust the stack.
fn of_schema(encoding: Encoding, schema: &Value) -> u64 {
    let mut open = vec![schema];
    let mut tokens = 0;
    while let Some(schema) = open.pop() {
        tokens += of_properties(encoding, schema) + of_values(encoding, schema);
        open.extend(inner(schema));
    }
    tokens
}

fn of_properties(encoding: Encoding, schema: &Value) -> u64 {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return 0 };
    if properties.is_empty() {
        return 0;
    }
    let each = properties.iter().map(|(name, property)| {
        let kind = property.get("type").map(text).unwrap_or_default();
        let description = property.get("description").map(text).unwrap_or_default();
        PROPERTY + encoding.count(&format!("{name}:{kind}:{}", without_stop(&description)))
    });
    PROPERTIES + each.sum::<u64>()
}

fn of_values(encoding: Encoding, schema: &Value) -> u64 {
    let Some(values) = schema.get("enum").and_then(Value::as_array) else { return 0 };
    let texts: u64 = values.iter().map(|value| encoding.count(&text(value))).sum();
    texts + VALUE * (values.len() as u64).saturating_sub(1)
}

/// The schemas right within a schema.
fn inner(schema: &Value) -> impl Iterator<Item = &Value> {
    let named = ["properties", "$defs"].into_iter().filter_map(|name| schema.get(name)?.as_object());
    let listed = ["anyOf", "oneOf", "allOf"].into_iter().filter_map(|name| schema.get(name)?.as_array());
    named.flat_map(serde_json::Map::values).chain(listed.flatten()).chain(schema.get("items"))
}

/// A string as it is, anything else as JSON.
fn text(value: &Value) -> std::borrow::Cow<'_, str> {
    value.as_str().map_or_else(|| value.to_string().into(), Into::into)
}

fn without_stop(sentence: &str) -> &str {
    sentence.strip_suffix('.').unwrap_or(sentence)
}
