use std::{fmt, ops::Deref, sync::Arc};

use arc_swap::Guard;

use crate::{Backends, Snapshot, backends::List, member::Pool};

/// A set of backends, as a router has it.
pub(crate) enum Set<S> {
    /// Nobody has a handle by which to change it: calls read the list, and nothing else.
    Fixed { list: Arc<List<S>>, pool: Arc<Pool> },
    /// Each call takes hold of the list that there is.
    Changing(Backends<S>),
}

/// The list of a set at a moment.
pub(crate) enum Listed<'a, S> {
    Fixed(&'a List<S>),
    Changing(Guard<Arc<List<S>>>),
}

// === impl Set ===

impl<S> Set<S> {
    #[inline]
    pub(crate) fn list(&self) -> Listed<'_, S> {
        match self {
            Self::Fixed { list, .. } => Listed::Fixed(list),
            Self::Changing(backends) => Listed::Changing(backends.list()),
        }
    }

    #[inline]
    pub(crate) fn pool(&self) -> &Arc<Pool> {
        match self {
            Self::Fixed { pool, .. } => pool,
            Self::Changing(backends) => backends.pool(),
        }
    }

    pub(crate) fn snapshot(&self) -> Vec<Snapshot> {
        self.list().snapshot()
    }
}

impl<S> From<Backends<S>> for Set<S> {
    fn from(backends: Backends<S>) -> Self {
        match backends.fix() {
            Ok((list, pool)) => Self::Fixed { list, pool },
            Err(backends) => Self::Changing(backends),
        }
    }
}

impl<S> Clone for Set<S> {
    fn clone(&self) -> Self {
        match self {
            Self::Fixed { list, pool } => Self::Fixed { list: Arc::clone(list), pool: Arc::clone(pool) },
            Self::Changing(backends) => Self::Changing(backends.clone()),
        }
    }
}

impl<S> fmt::Debug for Set<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.list().fmt(f)
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
