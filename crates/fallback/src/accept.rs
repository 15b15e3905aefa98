use std::{fmt, sync::Arc};

use mainstay_fault::{Elsewhere, Fault, worth_falling_back};

use crate::Trail;

/// Which faults of the tiers above a tier takes over.
#[derive(Clone, Default)]
pub(crate) struct Accept {
    pub(crate) larger_window: bool,
    pub(crate) filtered: bool,
    pub(crate) when: Option<When>,
}

pub(crate) type When = Arc<dyn Fn(&Fault) -> bool + Send + Sync>;

// === impl Accept ===

impl Accept {
    /// Whether a tier takes over what those above have failed with: the last of them, unless one of the others has found the request
    /// too long, or refused it by policy, and this tier is not asked to take that.
    pub(crate) fn takes_over<E>(&self, above: &Trail<E>) -> bool {
        let Some(last) = above.last() else { return true };
        if let Some(when) = &self.when {
            return when(last.fault());
        }
        let takes = |fault: &Fault| match worth_falling_back(fault) {
            Elsewhere::LargerWindow => self.larger_window,
            Elsewhere::IfAsked => self.filtered,
            Elsewhere::Yes | Elsewhere::No => true,
        };
        worth_falling_back(last.fault()) != Elsewhere::No && above.iter().all(|fallen| takes(fallen.fault()))
    }
}

impl fmt::Debug for Accept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accept")
            .field("larger_window", &self.larger_window)
            .field("filtered", &self.filtered)
            .finish_non_exhaustive()
    }
}
