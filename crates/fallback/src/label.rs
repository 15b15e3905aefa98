use std::sync::Arc;

use crate::Degradation;

/// What an answer says of the tier that gave it. An `Arc` of it is one word: answers are moved up through all layers.
#[derive(Clone, Debug)]
pub(crate) struct Label {
    pub(crate) name: Arc<str>,
    pub(crate) degraded: Degradation,
    /// How many tokens fit into its window, if that is known.
    pub(crate) window: Option<u64>,
}
