//! Embeddings: unit vectors that depend on their input alone.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde::Serialize;

use crate::{chance::Chance, request::EmbeddingsRequest};

#[derive(Serialize)]
struct Embeddings<'a> {
    object: &'static str,
    data: Vec<Embedding>,
    model: &'a str,
    usage: Usage,
}

#[derive(Serialize)]
struct Embedding {
    object: &'static str,
    index: usize,
    #[serde(rename = "embedding")]
    vector: Vector,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Vector {
    Numbers(Vec<f32>),
    Base64(String),
}

#[derive(Serialize)]
struct Usage {
    prompt_tokens: u64,
    total_tokens: u64,
}

/// Writes one vector for each input of a request; none if it is to be `useless`.
pub(crate) fn embeddings(request: &EmbeddingsRequest<'_>, model: &str, tokens: u64, useless: bool) -> Bytes {
    let inputs = if useless { Vec::new() } else { request.inputs() };
    let data = inputs.into_iter().enumerate().map(|(index, input)| {
        let vector = unit_vector(input, request.dimensions());
        let vector = if request.wants_base64() { Vector::base64(&vector) } else { Vector::Numbers(vector) };
        Embedding { object: "embedding", index, vector }
    });
    let usage = Usage { prompt_tokens: tokens, total_tokens: tokens };
    let embeddings = Embeddings { object: "list", data: data.collect(), model, usage };
    serde_json::to_vec(&embeddings).unwrap_or_default().into()
}

// === impl Vector ===

impl Vector {
    /// Little-endian single floats in base64, as OpenAI packs them.
    fn base64(numbers: &[f32]) -> Self {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        Self::Base64(BASE64_STANDARD.encode(bytes))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the API's precision is single")]
fn unit_vector(input: u64, dimensions: usize) -> Vec<f32> {
    let chance = Chance::new(input);
    let raw: Vec<f64> = (0..dimensions as u64).map(|axis| chance.of(axis).unit() - 0.5).collect();
    let norm = raw.iter().map(|number| number * number).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
    raw.into_iter().map(|number| (number / norm) as f32).collect()
}
