use mainstay_openai_client::InvalidSetting;

use crate::{Config, ConfigError};

/// Why a stack could not be built. Its text names the setting, its value, and what would be right.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A setting of the builder cannot be used.
    #[error(transparent)]
    Setting(#[from] InvalidSetting),
    /// A setting of the builder would do nothing beside what else is set, or contradicts it.
    #[error("builder: `{setting}` {why}")]
    Unused {
        /// The setting.
        setting: &'static str,
        /// Why, and what would be right: a sentence of which the setting is the subject.
        why: &'static str,
    },
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

// === impl BuildError ===

impl BuildError {
    /// Says where in the text of the configuration it is, if that is what it is about.
    pub(crate) fn of(self, config: &Config) -> Self {
        match self {
            Self::Config(error) => Self::Config(error.of(config)),
            other => other,
        }
    }
}
