use std::{fmt, time::Duration};

use crate::{Capabilities, Cause};

/// Why a backend cannot take a call.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Ineligible {
    /// Its weight is 0.
    Drained,
    /// The call has tried it in this pass.
    Tried,
    /// It is set aside for so long.
    SetAside(Cause, Duration),
    /// It was set aside, and another call is probing it.
    Probing(Cause),
    /// It cannot do this.
    Lacks(Capabilities),
    /// The call does not fit into its context window.
    Window {
        /// The tokens of the call.
        needs: u64,
        /// The tokens that fit.
        has: u64,
    },
    /// A limit before it would make the call wait.
    Gate(Duration),
    /// A filter of this name does not let it through.
    Filtered(&'static str),
    /// What the call may cost there is more than the budget has left, which renews after so long; [`Duration::MAX`] if it is more than
    /// there ever is.
    OverBudget(Duration),
}

// === impl Ineligible ===

impl Ineligible {
    /// Whether it will be over by itself.
    pub(crate) const fn passes(&self) -> bool {
        match self {
            Self::Tried | Self::SetAside(..) | Self::Probing(_) | Self::Gate(_) => true,
            Self::Drained
            | Self::Lacks(_)
            | Self::Window { .. }
            | Self::Filtered(_)
            | Self::OverBudget(_) => false,
        }
    }
}

impl fmt::Display for Ineligible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Drained => f.write_str("its weight is 0"),
            Self::Tried => f.write_str("tried by this call"),
            Self::SetAside(cause, left) => write!(f, "set aside for {left:?} ({})", cause.kind()),
            Self::Probing(cause) => write!(f, "being probed ({})", cause.kind()),
            Self::Lacks(lacks) => write!(f, "cannot do {lacks}"),
            Self::Window { needs, has } => write!(f, "{needs} tokens do not fit into {has}"),
            Self::Gate(opens_in) => write!(f, "its limit would make the call wait {opens_in:?}"),
            Self::Filtered(name) => write!(f, "ruled out by {name}"),
            Self::OverBudget(Duration::MAX) => f.write_str("may cost more than the budget ever has"),
            Self::OverBudget(renews_in) => {
                write!(f, "may cost more than the budget has left, which renews in {renews_in:.0?}")
            }
        }
    }
}
