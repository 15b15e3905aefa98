//! Values that fit a JSON schema.

use std::cell::Cell;

use serde_json::{Map, Value, json};

use crate::chance::hash;

/// How deep a schema is followed: beyond it, recursive ones end in `null`.
const DEPTH: usize = 16;

/// How many values are made: beyond it, schemas that multiply themselves end in `null`.
const VALUES: u32 = 10_000;

/// Fills a schema: with what is `known` under a property's name, else with a plausible value of its type.
///
/// The same prompt gives the same values.
pub(super) fn fill(schema: &Value, known: Option<&Value>, prompt: &str) -> Value {
    Filler { root: schema, prompt: hash(prompt.as_bytes()), left: Cell::new(VALUES) }
        .value(schema, known, "value", DEPTH)
}

struct Filler<'a> {
    root: &'a Value,
    prompt: u64,
    left: Cell<u32>,
}

// === impl Filler ===

impl Filler<'_> {
    fn value(&self, schema: &Value, known: Option<&Value>, name: &str, depth: usize) -> Value {
        let schema = self.resolved(schema);
        let left = self.left.get();
        if depth == 0 || left == 0 {
            return Value::Null;
        }
        self.left.set(left - 1);
        if let Some(known) = known.filter(|known| !known.is_object() && fits(schema, known)) {
            return known.clone();
        }
        if let Some(value) = schema.get("const").or_else(|| schema.get("enum")?.get(0)) {
            return value.clone();
        }
        let any = ["anyOf", "oneOf", "allOf"].iter().find_map(|key| schema.get(key)?.get(0));
        if let Some(first) = any {
            return self.value(first, known, name, depth - 1);
        }
        match kind(schema) {
            "object" => self.object(schema, known, depth),
            "array" => self.array(schema, name, depth),
            "string" => string(schema, name),
            "integer" => json!(self.number(schema, name)),
            "number" => json!(self.number(schema, name) as f64 + 0.5),
            "boolean" => json!(self.prompt.is_multiple_of(2)),
            _ => Value::Null,
        }
    }

    fn object(&self, schema: &Value, known: Option<&Value>, depth: usize) -> Value {
        let empty = Map::new();
        let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
        let required = |name: &str| match schema.get("required").and_then(Value::as_array) {
            Some(required) => required.iter().any(|it| it == name),
            None => true,
        };
        let known = |name: &str| known.and_then(|known| known.get(name));
        let wanted = properties.iter().filter(|(name, _)| required(name) || known(name).is_some());
        let filled =
            wanted.map(|(name, schema)| (name.clone(), self.value(schema, known(name), name, depth - 1)));
        Value::Object(filled.collect())
    }

    fn array(&self, schema: &Value, name: &str, depth: usize) -> Value {
        let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(1).clamp(1, 100);
        let item = schema.get("items").unwrap_or(&Value::Null);
        (0..least).map(|_| self.value(item, None, name, depth - 1)).collect()
    }

    /// A number within the schema's bounds, where it has any.
    fn number(&self, schema: &Value, name: &str) -> i64 {
        let bound = |key: &str| schema.get(key).and_then(Value::as_i64);
        let least = bound("minimum").or_else(|| bound("exclusiveMinimum")?.checked_add(1)).unwrap_or(0);
        let most = bound("maximum").or_else(|| bound("exclusiveMaximum")?.checked_sub(1));
        let most = most.unwrap_or(least.saturating_add(99)).max(least);
        let span = most.abs_diff(least).saturating_add(1);
        let drawn = (self.prompt ^ hash(name.as_bytes())) % span;
        least.saturating_add_unsigned(drawn)
    }

    /// The schema itself, or the one that its `$ref` names.
    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let pointer =
            schema.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
        pointer.and_then(|pointer| self.root.pointer(pointer)).unwrap_or(schema)
    }
}

/// Whether a value is of a type that the schema allows.
fn fits(schema: &Value, value: &Value) -> bool {
    let is = |kind: &Value| match kind.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("number") => value.is_number(),
        Some("integer") => value.is_i64(),
        Some("boolean") => value.is_boolean(),
        Some("null") => value.is_null(),
        _ => false,
    };
    let any = |key| schema.get(key).and_then(Value::as_array);
    match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(is),
        Some(kind) => is(kind),
        None => any("anyOf")
            .or_else(|| any("oneOf"))
            .is_some_and(|schemas| schemas.iter().any(|it| fits(it, value))),
    }
}

/// The schema's type; the first that is not `null`, where it has several.
fn kind(schema: &Value) -> &str {
    match schema.get("type") {
        Some(Value::String(kind)) => kind,
        Some(Value::Array(kinds)) => {
            kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or("null")
        }
        _ if schema.get("properties").is_some() => "object",
        _ => "string",
    }
}

fn string(schema: &Value, name: &str) -> Value {
    let text = match schema.get("format").and_then(Value::as_str) {
        Some("date") => "2024-05-17".to_owned(),
        Some("date-time") => "2024-05-17T12:00:00Z".to_owned(),
        Some("email") => "someone@example.com".to_owned(),
        Some("uri") => "https://example.com/".to_owned(),
        Some("uuid") => "6f1b0b5e-3f0a-4c57-9d57-0e1f2d3c4b5a".to_owned(),
        _ => format!("a {name}"),
    };
    let length =
        |key: &str| schema.get(key).and_then(Value::as_u64).and_then(|length| usize::try_from(length).ok());
    let text: String = text.chars().take(length("maxLength").unwrap_or(usize::MAX)).collect();
    let missing = length("minLength").unwrap_or(0).min(10_000).saturating_sub(text.chars().count());
    json!(text + &"x".repeat(missing))
}
