use std::{fmt, ops::Deref, sync::Arc};

use arc_swap::Guard;

use crate::{Backends, Snapshot, backends::List, member::Pool};

/// A set of backends, as a router has it.
pub(crate) struct Set<S> {
    backends: Backends<S>,
    /// The list for good, where nobody else has a handle by which to change it: calls count no reference to it then.
    fixed: Option<Arc<List<S>>>,
}

/// The list of a set at a moment.
pub(crate) enum Listed<'a, S> {
    Fixed(&'a List<S>),
    Changing(Guard<Arc<List<S>>>),
}

// === impl Set ===

impl<S> Set<S> {
    pub(crate) fn new(backends: Backends<S>) -> Self {
        let fixed = backends.is_the_only_handle().then(|| Guard::into_inner(backends.list()));
        Self { backends, fixed }
    }

    #[inline]
    pub(crate) fn list(&self) -> Listed<'_, S> {
        match &self.fixed {
            Some(list) => Listed::Fixed(list),
            None => Listed::Changing(self.backends.list()),
        }
    }

    pub(crate) fn pool(&self) -> &Arc<Pool> {
        self.backends.pool()
    }

    pub(crate) fn snapshot(&self) -> Vec<Snapshot> {
        self.backends.snapshot()
    }
}

impl<S> Clone for Set<S> {
    fn clone(&self) -> Self {
        Self { backends: self.backends.clone(), fixed: self.fixed.clone() }
    }
}

impl<S> fmt::Debug for Set<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.backends.fmt(f)
    }
}

// === impl Listed ===

impl<S> Deref for Listed<'_, S> {
    type Target = List<S>;

    #[inline]
    fn deref(&self) -> &List<S> {
        match self {
            Self::Fixed(list) => list,
            Self::Changing(list) => list,
        }
    }
}
