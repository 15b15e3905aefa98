use std::{collections::HashSet, fs, path::Path};

use anyhow::{Context, Result};
use mainstay::{ChatRequest, idempotency::key_of};
use serde::Deserialize;

/// One line of the input: what is asked, and the key that it is asked under, whenever it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its name, for who looks for its answer.
    pub id: String,
    /// The same for the same line, in every run; another as soon as anything in the line is another.
    pub key: String,
    /// What is asked.
    pub request: ChatRequest,
}

/// A line as it may be written: short, or as the batch API of OpenAI has it.
#[derive(Deserialize)]
struct Written {
    #[serde(alias = "custom_id")]
    id: Option<String>,
    #[serde(flatten)]
    asked: Asked,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Asked {
    Prompt(String),
    Body(ChatRequest),
}

// === impl Line ===

impl Line {
    /// Reads a line: `{"id": "a", "prompt": "…"}`, which is asked of `model`, or `{"custom_id": "a", "body": {…}}`.
    ///
    /// # Errors
    ///
    /// It is neither.
    ///
    /// # Examples
    ///
    /// ```
    /// use mainstay_examples::batch::Line;
    ///
    /// let line = Line::read(r#"{"id": "zlib", "prompt": "Who wrote zlib?"}"#, "gpt-4o-mini")?;
    /// assert_eq!((line.id.as_str(), line.request.model.as_str()), ("zlib", "gpt-4o-mini"));
    /// # Ok::<_, serde_json::Error>(())
    /// ```
    pub fn read(text: &str, model: &str) -> serde_json::Result<Self> {
        let Written { id, asked } = serde_json::from_str(text)?;
        let request = match asked {
            Asked::Prompt(prompt) => ChatRequest::new(model).user(prompt),
            Asked::Body(request) => request,
        };
        let key = key_of(&(&id, &request))?;
        let id = id.unwrap_or_else(|| key.clone());
        Ok(Self { id, request: request.key(key.as_str()), key })
    }
}

/// Reads a file of lines. A line that stands there twice is there once.
///
/// # Errors
///
/// Names the file and the line that cannot be read.
pub fn read_lines(path: &Path, model: &str) -> Result<Vec<Line>> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut seen = HashSet::new();
    let mut lines = Vec::new();
    for (at, text) in text.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
        let line = Line::read(text, model).with_context(|| format!("{}, line {}", path.display(), at + 1))?;
        if seen.insert(line.key.clone()) {
            lines.push(line);
        }
    }
    Ok(lines)
}
