use std::fmt;
#[cfg(feature = "metrics")]
use std::sync::Arc;

use crate::route::Routes;

/// How the models that callers name are called where they are counted: by their own names if they lead somewhere, else `other`, so
/// that callers cannot make up series. Where one route serves whatever is named, who names it is the program itself.
#[derive(Clone, Default)]
pub(crate) struct Labels {
    #[cfg(feature = "metrics")]
    knows: Option<Arc<Knows>>,
}

#[cfg(feature = "metrics")]
type Knows = dyn Fn(&str) -> bool + Send + Sync;

// === impl Labels ===

impl Labels {
    #[cfg(feature = "metrics")]
    pub(crate) fn of<R: Clone + Send + Sync + 'static>(routes: &Arc<Routes<R>>) -> Self {
        let routes = Arc::clone(routes);
        Self { knows: Some(Arc::new(move |model| routes.knows(model))) }
    }

    #[cfg(not(feature = "metrics"))]
    pub(crate) const fn of<R>(_: &std::sync::Arc<Routes<R>>) -> Self {
        Self {}
    }

    #[cfg(feature = "metrics")]
    pub(crate) fn of_model<'a>(&self, model: &'a str) -> &'a str {
        if self.knows.as_ref().is_none_or(|knows| knows(model)) { model } else { "other" }
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Labels").finish_non_exhaustive()
    }
}
