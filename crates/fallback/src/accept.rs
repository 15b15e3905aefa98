use std::{fmt, sync::Arc};

use mainstay_fault::{Elsewhere, Fault, worth_falling_back};

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
    pub(crate) fn accepts(&self, fault: &Fault) -> bool {
        if let Some(when) = &self.when {
            return when(fault);
        }
        match worth_falling_back(fault) {
            Elsewhere::Yes => true,
            Elsewhere::LargerWindow => self.larger_window,
            Elsewhere::IfAsked => self.filtered,
            Elsewhere::No => false,
        }
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
