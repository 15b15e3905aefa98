//! What the model answers: the same for the same request.

mod arguments;
mod prose;
mod record;
mod schema;

use crate::{request::ChatRequest, tokens};

/// The answer to a chat request, in no form yet.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) choices: Vec<Choice>,
    pub(crate) usage: Usage,
}

/// One of the answer's choices.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Choice {
    pub(crate) said: Said,
    pub(crate) finish: &'static str,
}

/// What a choice says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Said {
    Content(String),
    Call { name: String, arguments: String },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) prompt: u64,
    pub(crate) completion: u64,
}

// === impl Answer ===

impl Answer {
    /// Answers well.
    pub(crate) fn new(request: &ChatRequest<'_>, prompt: u64) -> Self {
        let choices = (0..request.choices()).map(|index| Choice::new(request, index)).collect();
        Self::counted(choices, prompt)
    }

    /// The same answer cut in half, as a model stops that runs out of tokens or is stopped by a filter.
    #[must_use]
    pub(crate) fn halved(self, finish: &'static str) -> Self {
        self.mapped(|text| tokens::first(text, tokens::count(text) / 2).to_owned(), finish)
    }

    /// The same answer with this content in every choice.
    #[must_use]
    pub(crate) fn saying(self, content: &str) -> Self {
        let choices = self.choices.iter();
        let choices =
            choices.map(|_| Choice { said: Said::Content(content.to_owned()), finish: "stop" }).collect();
        Self::counted(choices, self.usage.prompt)
    }

    fn mapped(self, change: impl Fn(&str) -> String, finish: &'static str) -> Self {
        let choices =
            self.choices.into_iter().map(|choice| Choice { said: choice.said.map(&change), finish });
        Self::counted(choices.collect(), self.usage.prompt)
    }

    fn counted(choices: Vec<Choice>, prompt: u64) -> Self {
        let completion = choices.iter().map(|choice| tokens::count(choice.said.text())).sum();
        Self { choices, usage: Usage { prompt, completion } }
    }
}

// === impl Choice ===

impl Choice {
    fn new(request: &ChatRequest<'_>, index: u64) -> Self {
        if let Some(tool) = request.required_tool() {
            let arguments = arguments::fill(tool.parameters(), request.prompt());
            return Self {
                said: Said::Call { name: tool.name().to_owned(), arguments },
                finish: "tool_calls",
            };
        }
        let content = if request.wants_json() {
            record::json(request.schema().as_ref(), request.prompt())
        } else {
            prose::about(request.prompt(), index)
        };
        Self::ended(content, request)
    }

    /// Ends a content at its first stop text, and at the most tokens that were asked for.
    fn ended(mut content: String, request: &ChatRequest<'_>) -> Self {
        if let Some(end) = request.stops().filter_map(|stop| content.find(stop)).min() {
            content.truncate(end);
        }
        let mut finish = "stop";
        if let Some(limit) = request.max_tokens() {
            let end = tokens::first(&content, limit).len();
            if end < content.len() {
                content.truncate(end);
                finish = "length";
            }
        }
        Self { said: Said::Content(content), finish }
    }
}

// === impl Said ===

impl Said {
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Content(content) => content,
            Self::Call { arguments, .. } => arguments,
        }
    }

    fn map(self, change: impl Fn(&str) -> String) -> Self {
        match self {
            Self::Content(content) => Self::Content(change(&content)),
            Self::Call { name, arguments } => Self::Call { name, arguments: change(&arguments) },
        }
    }
}

// === impl Usage ===

impl Usage {
    pub(crate) fn total(self) -> u64 {
        self.prompt.saturating_add(self.completion)
    }
}
