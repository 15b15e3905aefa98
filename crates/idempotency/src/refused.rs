use std::{error::Error, fmt};

use mainstay_fault::{Fault, FaultKind, HasFault};

/// Why the layer itself did not let a call through, or what came of the execution that it waited for.
///
/// # Examples
///
/// ```
/// use mainstay_fault::{FaultKind, HasFault};
/// use mainstay_idempotency::Refused;
///
/// let refused = Refused::failed(FaultKind::Overloaded.into());
/// assert_eq!(refused.fault().kind, FaultKind::Overloaded, "it is judged as if it were the caller's own failure");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    reason: Reason,
    fault: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Conflict,
    Full,
    TooLong,
    Failed,
}

// === impl Refused ===

impl Refused {
    /// The key was used for another request.
    pub const CONFLICT: Self = Self::new(Reason::Conflict, FaultKind::InvalidRequest);
    /// There is no room for a new key: no record is dropped before its time.
    pub const FULL: Self = Self::new(Reason::Full, FaultKind::Shed);
    /// The execution under the same key takes longer than this call waits.
    pub const TOO_LONG: Self = Self::new(Reason::TooLong, FaultKind::Shed);

    /// The execution under the same key failed, for which this call waited.
    pub const fn failed(fault: Fault) -> Self {
        Self { reason: Reason::Failed, fault }
    }

    const fn new(reason: Reason, kind: FaultKind) -> Self {
        Self { reason, fault: Fault::new(kind) }
    }
}

impl HasFault for Refused {
    fn fault(&self) -> Fault {
        self.fault
    }
}

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Self {
        refused.fault
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason {
            Reason::Conflict => f.write_str("the idempotency key was used for another request"),
            Reason::Full => f.write_str("there is no room for another idempotency key"),
            Reason::TooLong => f.write_str("the execution under the same idempotency key takes too long"),
            Reason::Failed => {
                write!(f, "the execution under the same idempotency key failed: {}", self.fault)
            }
        }
    }
}

impl Error for Refused {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.fault)
    }
}
