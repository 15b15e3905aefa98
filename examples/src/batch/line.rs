use std::{collections::HashSet, fs, path::Path};

use anyhow::{Context, Result, anyhow, bail};
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
    prompt: Option<String>,
    body: Option<ChatRequest>,
}

// === impl Line ===

impl Line {
    /// Reads a line: `{"id": "a", "prompt": "…"}`, which is asked of `model`, or `{"custom_id": "a", "body": {…}}`.
    ///
    /// # Errors
    ///
    /// It is neither, or both.
    ///
    /// # Examples
    ///
    /// ```
    /// use mainstay_examples::batch::Line;
    ///
    /// let line = Line::read(r#"{"id": "zlib", "prompt": "Who wrote zlib?"}"#, "gpt-4o-mini")?;
    /// assert_eq!((line.id.as_str(), line.request.model.as_str()), ("zlib", "gpt-4o-mini"));
    /// # Ok::<_, anyhow::Error>(())
    /// ```
    pub fn read(text: &str, model: &str) -> Result<Self> {
        // To serde, each line is a file's first.
        let wrong =
            |error: serde_json::Error| anyhow!(error.to_string().replace(" at line 1 column", " at column"));
        let Written { id, prompt, body } = serde_json::from_str(text).map_err(wrong)?;
        let request = match (prompt, body) {
            (Some(prompt), None) => ChatRequest::new(model).user(prompt),
            (None, Some(request)) => request,
            _ => bail!(
                "it must have either a `prompt` or a `body`, which is a request with `model` and `messages`"
            ),
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_asks_nothing_is_told_what_it_needs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prompts.jsonl");
        for (wrong, says) in [
            (r#"{"id": "b"}"#, "either a `prompt` or a `body`"),
            (
                r#"{"prompt": "Hello?", "body": {"model": "m", "messages": []}}"#,
                "either a `prompt` or a `body`",
            ),
            (r#"{"prompt": "Hello?""#, "EOF while parsing an object at column 19"),
        ] {
            fs::write(&path, format!("{{\"prompt\": \"Hello?\"}}\n{wrong}\n")).unwrap();
            let error = format!("{:#}", read_lines(&path, "m").unwrap_err());
            assert!(error.contains("prompts.jsonl, line 2: ") && error.contains(says), "{error}");
        }
    }
}
