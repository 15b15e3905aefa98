use std::{ops::Deref, sync::Arc};

use crate::Limits;

/// A way to limits, for who must find them again at a call's end: counted, or there for good.
#[derive(Clone, Debug)]
pub(crate) enum Owner {
    Shared(Arc<Limits>),
    /// Nothing is counted up and down: that alone costs more than the taking.
    Static(&'static Limits),
}

impl Deref for Owner {
    type Target = Limits;

    #[inline]
    fn deref(&self) -> &Limits {
        match self {
            Self::Shared(limits) => limits,
            Self::Static(limits) => limits,
        }
    }
}
