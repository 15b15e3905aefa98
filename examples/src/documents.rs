//! Real documents, and what is asked about them.

use std::io::{BufRead, BufReader};

use anyhow::{Context, Result};
use flate2::bufread::GzDecoder;
use mainstay::{ChatRequest, ChatResponse, Rejected};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const BUNDLED: &[u8] = include_bytes!("../data/debian-copyright.jsonl.gz");

const INSTRUCTIONS: &str = "You extract who holds which rights from the copyright file of a Debian package. \
    Answer with JSON: the software's name, where its source is from, the names of its licences, the holders of its \
    copyright, and the first and last year that are named.";

/// One document.
#[derive(Clone, Debug, Deserialize)]
pub struct Document {
    /// The package's name.
    pub id: String,
    /// What the file says.
    pub text: String,
}

/// What a document says, as the model reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extraction {
    /// The software's name.
    pub name: String,
    /// Where its source is from.
    pub source: Option<String>,
    /// The names of its licences.
    pub licenses: Vec<String>,
    /// Who holds its copyright.
    pub holders: Vec<String>,
    /// The first and the last year that are named.
    pub years: Option<[u16; 2]>,
}

/// The first `count` of the 254 documents that are bundled.
///
/// # Errors
///
/// If they cannot be unpacked, which no build of this package should let happen.
pub fn bundled(count: usize) -> Result<Vec<Document>> {
    let lines = BufReader::new(GzDecoder::new(BUNDLED)).lines();
    let parsed = lines.take(count).map(|line| Ok(serde_json::from_str(&line?)?));
    parsed.collect::<Result<_>>().context("the bundled documents cannot be read")
}

// === impl Document ===

impl Document {
    /// Asks a model to extract what the document says.
    pub fn request(&self, model: &str) -> ChatRequest {
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
    ///
    /// # Errors
    ///
    /// Says what is not as it was asked for.
    pub fn read(response: &ChatResponse) -> Result<Self, Rejected> {
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
