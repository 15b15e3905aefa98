use std::{fmt, path::PathBuf, sync::Arc};

/// The text that a configuration was read from, for errors that are found later. It may hold a key, and is not shown.
#[derive(Clone, Default)]
pub(crate) struct Origin {
    pub(super) text: Option<Arc<str>>,
    pub(super) path: Option<PathBuf>,
}

// === impl Origin ===

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Origin").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Configurations that say the same are equal, wherever they stand.
impl PartialEq for Origin {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
