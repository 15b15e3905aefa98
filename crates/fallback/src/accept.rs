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
    /// Whether a tier with such a window takes over what those above have failed with: the last of them, unless one of the others has
    /// found the request too long, or refused it by policy, and this tier is not asked to take that.
    pub(crate) fn takes_over<'f>(
        &self,
        window: Option<u64>,
        above: impl DoubleEndedIterator<Item = (&'f Fault, Option<u64>)>,
    ) -> bool {
        let mut above = above.rev();
        let Some((last, outgrown)) = above.next() else { return true };
        if let Some(when) = &self.when {
            return when(last);
        }
        let takes = |(fault, outgrown): (&Fault, Option<u64>)| match worth_falling_back(fault) {
            Elsewhere::LargerWindow => {
                self.larger_window || window.zip(outgrown).is_some_and(|(window, outgrown)| window > outgrown)
            }
            Elsewhere::IfAsked => self.filtered,
            Elsewhere::Yes | Elsewhere::No => true,
        };
        worth_falling_back(last) != Elsewhere::No && takes((last, outgrown)) && above.all(takes)
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
