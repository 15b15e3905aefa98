//! What some servers stream where text is meant to be: parts, of which not all are text.

use serde_json::Value;

/// The parts of a content that is no text: a list of them, or one alone.
pub(crate) fn parts(content: &Value) -> &[Value] {
    match content {
        Value::Null => &[],
        Value::Array(parts) => parts,
        part => std::slice::from_ref(part),
    }
}

/// The text of a part that is text.
pub(crate) fn text(part: &Value) -> Option<&str> {
    part.get("text").filter(|_| part.get("type").is_some_and(|kind| kind == "text"))?.as_str()
}

/// All that a part says: its text, or its thoughts, which are text or text parts in their turn.
pub(crate) fn said(part: &Value) -> impl Iterator<Item = &str> {
    let fields = ["text", "thinking"].into_iter().filter_map(|name| part.get(name));
    fields.flat_map(parts).filter_map(|said| said.as_str().or_else(|| text(said)))
}
