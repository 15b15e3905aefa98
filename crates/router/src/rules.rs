use std::sync::Arc;

use crate::{Choice, strategy::Strategy};

/// What a router goes by that does not depend on the request's type.
#[derive(Clone)]
pub(crate) struct Rules<M> {
    pub(crate) strategy: Arc<dyn Strategy>,
    pub(crate) meter: M,
    pub(crate) around_filters: bool,
    /// Whether others below serve when all backends are set aside.
    pub(crate) gives_way: bool,
    pub(crate) on_choice: Option<Arc<Hook>>,
}

pub(crate) type Hook = dyn Fn(&Choice<'_>) + Send + Sync;
