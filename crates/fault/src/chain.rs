use std::{error::Error, fmt, io};

use tokio::time::error::Elapsed;
use tower::{load_shed::error::Overloaded as LoadShed, timeout::error::Elapsed as TowerElapsed};

use crate::{Fault, FaultKind, HasFault};

/// Looks for a fault in an error and the chain of its sources.
///
/// Finds a [`Fault`], a [`Caused`], the error of a timeout of tokio's or tower's, of tower's `load_shed` (which is
/// [`Shed`](FaultKind::Shed)), or an [`io::Error`], whichever comes first. The errors of Mainstay's own crates all have one
/// of the first two in their chain, so that they can still be judged after another layer has boxed them. `None` where
/// nothing in the chain is known.
///
/// # Examples
///
/// ```
/// use std::error::Error;
/// use mainstay_fault::{Fault, FaultKind, fault_in};
///
/// let boxed: Box<dyn Error + Send + Sync> = Fault::new(FaultKind::Overloaded).into();
/// assert_eq!(fault_in(&*boxed).map(|fault| fault.kind), Some(FaultKind::Overloaded));
///
/// let unknown: Box<dyn Error + Send + Sync> = "something else".into();
/// assert_eq!(fault_in(&*unknown), None);
/// ```
pub fn fault_in(error: &(dyn Error + 'static)) -> Option<Fault> {
    let mut link = Some(error);
    while let Some(error) = link {
        if let Some(fault) = fault_of(error) {
            return Some(fault);
        }
        link = error.source();
    }
    None
}

fn fault_of(error: &(dyn Error + 'static)) -> Option<Fault> {
    if let Some(fault) = error.downcast_ref::<Fault>() {
        return Some(*fault);
    }
    if let Some(caused) = error.downcast_ref::<Caused>() {
        return Some(caused.fault);
    }
    if error.is::<Elapsed>() || error.is::<TowerElapsed>() {
        return Some(FaultKind::Timeout.into());
    }
    if error.is::<LoadShed>() {
        return Some(FaultKind::Shed.into());
    }
    error.downcast_ref::<io::Error>().map(HasFault::fault)
}

/// A [`Fault`] together with the error that caused it, to stand in an error's chain of sources.
///
/// An error that has a cause of its own puts it in here and returns this as its `source`: the chain then names the
/// fault, and loses nothing of the cause.
///
/// # Examples
///
/// ```
/// use std::{error::Error, io};
/// use mainstay_fault::{Caused, Fault, FaultKind, fault_in};
///
/// let reset = io::Error::from(io::ErrorKind::ConnectionReset);
/// let caused = Caused::new(Fault::new(FaultKind::Interrupted), reset);
///
/// assert_eq!(fault_in(&caused).map(|fault| fault.kind), Some(FaultKind::Interrupted));
/// assert_eq!(caused.source().map(ToString::to_string), Some("connection reset".to_owned()));
/// ```
#[derive(Debug)]
pub struct Caused {
    fault: Fault,
    source: Option<Box<dyn Error + Send + Sync>>,
}

// === impl Caused ===

impl Caused {
    /// Joins a fault and its cause.
    pub fn new(fault: Fault, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { fault, source: Some(cause.into()) }
    }

    /// Puts another fault in the place of this one, of the same cause.
    pub const fn set_fault(&mut self, fault: Fault) {
        self.fault = fault;
    }
}

impl From<Fault> for Caused {
    fn from(fault: Fault) -> Self {
        Self { fault, source: None }
    }
}

impl HasFault for Caused {
    fn fault(&self) -> Fault {
        self.fault
    }
}

impl fmt::Display for Caused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fault.fmt(f)
    }
}

impl Error for Caused {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}
