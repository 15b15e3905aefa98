use std::sync::Arc;

use crate::{Choice, set::Set, strategy::Strategy};

/// What a router goes by that does not depend on the request's type: in one place, so that each call counts one reference to it.
pub(crate) struct Rules<S, M> {
    pub(crate) backends: Set<S>,
    pub(crate) strategy: Arc<dyn Strategy>,
    pub(crate) meter: M,
    pub(crate) around_filters: bool,
    /// Whether others below serve when all backends are set aside.
    pub(crate) gives_way: bool,
    pub(crate) on_choice: Option<Arc<Hook>>,
}

pub(crate) type Hook = dyn Fn(&Choice<'_>) + Send + Sync;

// === impl Rules ===

impl<S, M: Clone> Clone for Rules<S, M> {
    fn clone(&self) -> Self {
        Self {
            backends: self.backends.clone(),
            strategy: Arc::clone(&self.strategy),
            meter: self.meter.clone(),
            around_filters: self.around_filters,
            gives_way: self.gives_way,
            on_choice: self.on_choice.clone(),
        }
    }
}
