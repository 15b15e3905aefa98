//! Answers in JSON: extractions, and whatever else a schema asks for.

use mainstay_mock_openai::Plan;
use serde_json::{Value, json};

use crate::support::{chat, prompt, start, with};

const MACHINE_READABLE: &str = "Extract the record from this document.

Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: fuse3
Source: https://sourceforge.net/projects/fuse/files/

Files: *
Copyright: 2016-     Nikolaus Rath <Nikolaus@rath.org>,
 2001-2013 Miklos Szeredi <miklos@szeredi.hu>
License: GPL-2

Files: lib/*
Copyright: 2001-2013 Miklos Szeredi <miklos@szeredi.hu>
License: LGPL-2.1

License: GPL-2
 This package is free software; you can redistribute it.
";

const PROSE: &str = "This package was downloaded from
https://xorg.freedesktop.org/releases/individual/lib/

Copyright © 2000, Compaq Computer Corporation,
Copyright © 2002, Hewlett Packard, Inc.

Permission to use, copy, modify, distribute, and sell this software is granted.
";

fn demo_schema() -> Value {
    let strings = json!({"type": "array", "items": {"type": "string"}});
    let years = json!({"anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "null"}]});
    json!({"type": "object", "additionalProperties": false,
        "required": ["name", "source", "licenses", "holders", "years"],
        "properties": {"name": {"type": "string"}, "source": {"type": ["string", "null"]},
            "licenses": strings, "holders": strings, "years": years}})
}

async fn answered(text: &str, format: Value) -> Value {
    let mock = start(Plan::new()).await;
    let answer = chat(&mock, &with(prompt(text), &json!({"response_format": format}))).await;
    serde_json::from_str(&answer.content()).unwrap()
}

async fn filled(text: &str, schema: Value) -> Value {
    answered(text, json!({"type": "json_schema", "json_schema": {"name": "it", "schema": schema}})).await
}

#[tokio::test]
async fn a_machine_readable_copyright_file_is_really_extracted() {
    let expected = json!({
        "name": "fuse3", "source": "https://sourceforge.net/projects/fuse/files/",
        "licenses": ["GPL-2", "LGPL-2.1"], "holders": ["Nikolaus Rath", "Miklos Szeredi"], "years": [2001, 2016],
    });
    assert_eq!(filled(MACHINE_READABLE, demo_schema()).await, expected);
    assert_eq!(answered(MACHINE_READABLE, json!({"type": "json_object"})).await, expected);
}

#[tokio::test]
async fn free_prose_is_extracted_as_far_as_simple_rules_go() {
    let expected = json!({
        "name": "lib", "source": "https://xorg.freedesktop.org/releases/individual/lib/", "licenses": ["ISC"],
        "holders": ["Compaq Computer Corporation", "Hewlett Packard, Inc"], "years": [2000, 2002],
    });
    assert_eq!(filled(PROSE, demo_schema()).await, expected);
}

#[tokio::test]
async fn a_document_without_years_has_none() {
    let text = "Upstream-Name: x\nLicense: MIT\n";
    assert_eq!(filled(text, demo_schema()).await["years"], Value::Null);
}

#[tokio::test]
async fn any_other_schema_is_filled_with_values_that_fit_it() {
    let schema = json!({"type": "object", "required": ["title", "count", "share", "open", "kind", "tags", "at", "pet"],
        "properties": {
            "title": {"type": "string", "maxLength": 3}, "count": {"type": "integer", "minimum": 5, "maximum": 6},
            "share": {"type": "number"}, "open": {"type": "boolean"}, "kind": {"enum": ["x", "y"]},
            "tags": {"type": "array", "minItems": 2, "items": {"type": "string"}}, "at": {"const": 7},
            "pet": {"anyOf": [{"$ref": "#/$defs/pet"}, {"type": "null"}]}, "optional": {"type": "string"}},
        "$defs": {"pet": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}}});
    let value = filled("Tell me.", schema.clone()).await;
    assert!(value["title"].as_str().unwrap().len() <= 3);
    assert!((5..=6).contains(&value["count"].as_i64().unwrap()));
    assert!(value["share"].is_f64() && value["open"].is_boolean());
    assert_eq!((&value["kind"], &value["at"]), (&json!("x"), &json!(7)));
    assert_eq!(value["tags"].as_array().unwrap().len(), 2);
    assert!(value["pet"]["name"].is_string());
    assert!(value.get("optional").is_none());
    assert_eq!(value, filled("Tell me.", schema).await);
}

#[tokio::test]
async fn a_schema_that_contains_itself_is_filled_to_an_end() {
    let schema = json!({"type": "object", "required": ["next"], "properties": {"next": {"$ref": "#"}}});
    assert!(filled("Tell me.", schema).await["next"]["next"].is_object());
}

#[tokio::test]
async fn a_schema_that_multiplies_itself_is_filled_to_an_end() {
    let item = json!({"type": "array", "minItems": 100, "items": {"$ref": "#/properties/all"}});
    let schema = json!({"type": "object", "required": ["all"], "properties": {"all": item}});
    assert!(filled("Tell me.", schema).await["all"].is_array());
}

#[tokio::test]
async fn a_json_object_without_a_document_is_json_all_the_same() {
    let value = answered("Tell me.", json!({"type": "json_object"})).await;
    assert!(value["answer"].as_str().unwrap().contains("Tell me."));
}
