//! The documents, and what is asked about them.

use std::io::{BufRead, BufReader};

use anyhow::{Context, Result};
use flate2::bufread::GzDecoder;
use mainstay::{ChatRequest, ChatResponse, Rejected};
use serde::Deserialize;
use serde_json::{Value, json};

const BUNDLED: &[u8] = include_bytes!("../../data/debian-copyright.jsonl.gz");

const INSTRUCTIONS: &str = "You extract who holds which rights from the copyright file of a Debian package. \
    Answer with JSON: the software's name, where its source is from, the names of its licences, the holders of its \
    copyright, and the first and last year that are named.";

/// One document.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Document {
    pub(crate) id: String,
    pub(crate) text: String,
}

/// What a document says, as the model reads it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Extraction {
    pub(crate) licenses: Vec<String>,
    pub(crate) holders: Vec<String>,
    pub(crate) years: Option<[u16; 2]>,
}

/// The first `count` of the documents that are bundled.
pub(crate) fn bundled(count: usize) -> Result<Vec<Document>> {
    let lines = BufReader::new(GzDecoder::new(BUNDLED)).lines();
    let parsed = lines.take(count).map(|line| Ok(serde_json::from_str(&line?)?));
    parsed.collect::<Result<_>>().context("the bundled documents cannot be read")
}

// === impl Document ===

impl Document {
    /// Asks a model to extract what the document says.
    pub(crate) fn request(&self, model: &str) -> ChatRequest {
        ChatRequest::new(model)
            .system(INSTRUCTIONS)
            .user(self.text.as_str())
            .json_schema("extraction", schema())
            .temperature(0.0)
            .key(self.id.as_str())
    }
}

// === impl Extraction ===

impl Extraction {
    /// Reads an answer, which may be whole and still not what was asked for.
    pub(crate) fn read(response: &ChatResponse) -> Result<Self, Rejected> {
        response.json().map_err(|error| Rejected::new(format!("no extraction: {error}")))
    }
}

fn schema() -> Value {
    let nullable = |kind: Value| json!({"anyOf": [kind, {"type": "null"}]});
    let texts = json!({"type": "array", "items": {"type": "string"}});
    json!({
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "source": nullable(json!({"type": "string"})),
            "licenses": texts,
            "holders": texts,
            "years": nullable(json!({"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2})),
        },
        "required": ["name", "source", "licenses", "holders", "years"],
        "additionalProperties": false,
    })
}
