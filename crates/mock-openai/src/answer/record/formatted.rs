//! The machine-readable format: fields, and indented lines that continue them.
//!
//! See <https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/>.

use super::{Record, claimed};

/// Whether a prompt's document is in this format.
pub(super) fn is(prompt: &str) -> bool {
    prompt
        .lines()
        .any(|line| ["Upstream-Name:", "Files:", "Format: http"].iter().any(|field| line.starts_with(field)))
}

pub(super) fn read(prompt: &str) -> Record {
    let mut record = Record::default();
    let mut field = "";
    for line in prompt.lines() {
        let value = if line.starts_with([' ', '\t']) {
            line
        } else if let Some((name, value)) = line.split_once(':') {
            field = name;
            one(&mut record, name, value.trim());
            value
        } else {
            continue;
        };
        let value = value.trim();
        if field == "Copyright" {
            record.claim(claimed(value).unwrap_or(value));
        }
    }
    record
}

/// A field whose value stands on its first line.
fn one(record: &mut Record, name: &str, value: &str) {
    match name {
        _ if value.is_empty() => {}
        "Upstream-Name" => record.name = record.name.take().or_else(|| Some(value.to_owned())),
        "Source" => record.source = record.source.take().or_else(|| Some(value.to_owned())),
        "License" => record.license(value),
        _ => {}
    }
}
