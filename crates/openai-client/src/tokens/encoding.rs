use bpe_openai::{cl100k_base, o200k_base};

/// How a family of models cuts text into tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// `cl100k_base`.
    Cl100k,
    /// `o200k_base`.
    O200k,
}

/// The families with `cl100k_base`, after OpenAI's `tiktoken/model.py`. All later ones have `o200k_base`.
const CL100K: [&str; 5] = ["gpt-4", "gpt-3.5", "gpt-35", "text-embedding-3", "text-embedding-ada-002"];

// === impl Encoding ===

impl Encoding {
    pub(super) fn of_model(model: &str) -> Self {
        let name = base_name(model);
        // `gpt-4-turbo` and `gpt-4:acme` are of the family `gpt-4`; `gpt-4o` and `gpt-4.1` are not.
        let is_of = |family: &&str| {
            name.strip_prefix(*family).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', ':']))
        };
        if CL100K.iter().any(is_of) { Self::Cl100k } else { Self::O200k }
    }

    /// Counts the tokens of a text in which nothing is special.
    pub(super) fn count(self, text: &str) -> u64 {
        let tokenizer = match self {
            Self::Cl100k => cl100k_base(),
            Self::O200k => o200k_base(),
        };
        tokenizer.count(text) as u64
    }
}

/// The name of the model that OpenAI trained: of `ft:gpt-4o:acme::1`, and of `openai/gpt-4o` at a gateway, `gpt-4o…`.
pub(super) fn base_name(model: &str) -> &str {
    let name = model.rsplit_once('/').map_or(model, |(_, name)| name);
    name.strip_prefix("ft:").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_the_encoding() {
        for model in [
            "gpt-4",
            "gpt-4-0613",
            "gpt-4-32k",
            "gpt-4-turbo-2024-04-09",
            "gpt-3.5-turbo",
            "gpt-35-turbo-16k",
            "text-embedding-3-small",
            "text-embedding-3-large",
            "text-embedding-ada-002",
            "ft:gpt-3.5-turbo-0125:acme::1",
            "ft:gpt-4:acme::1",
            "openai/gpt-4-turbo",
        ] {
            assert_eq!(Encoding::of_model(model), Encoding::Cl100k, "{model}");
        }
        for model in [
            "gpt-4o",
            "gpt-4o-mini-2024-07-18",
            "gpt-4.1-nano",
            "gpt-4.5-preview",
            "gpt-5",
            "gpt-5.4",
            "o1-preview",
            "o3-mini",
            "o4-mini",
            "chatgpt-4o-latest",
            "ft:gpt-4o-mini:acme::1",
            "azure/openai/gpt-4o",
            "gpt-oss-20b",
        ] {
            assert_eq!(Encoding::of_model(model), Encoding::O200k, "{model}");
        }
    }

    #[test]
    fn a_name_that_says_nothing_falls_back() {
        for model in ["", "/", "ft:", "gemma", "my-deployment", "gpt-40", "text-embedding-4", "模型"] {
            assert_eq!(Encoding::of_model(model), Encoding::O200k, "{model}");
        }
    }
}
