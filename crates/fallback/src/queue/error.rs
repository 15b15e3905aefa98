use std::{error::Error, fmt, io, path::PathBuf, sync::Arc};

use mainstay_fault::{Caused, Fault, FaultKind, HasFault};

/// A queue that could not be opened, or an entry that could not be kept.
///
/// Its fault is [`Shed`](FaultKind::Shed): the call was not seen to on this side.
#[derive(Clone, Debug)]
pub struct QueueError(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    what: String,
    path: PathBuf,
    caused: Option<Caused>,
}

const SHED: Fault = Fault::new(FaultKind::Shed);

// === impl QueueError ===

impl QueueError {
    pub(super) fn new(what: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        Self(Arc::new(Inner { what: what.into(), path: path.into(), caused: None }))
    }

    pub(super) fn caused(what: impl Into<String>, path: impl Into<PathBuf>, cause: io::Error) -> Self {
        let caused = Some(Caused::new(SHED, cause));
        Self(Arc::new(Inner { what: what.into(), path: path.into(), caused }))
    }
}

impl HasFault for QueueError {
    fn fault(&self) -> Fault {
        SHED
    }
}

impl From<QueueError> for Fault {
    fn from(_: QueueError) -> Self {
        SHED
    }
}

impl fmt::Display for QueueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "queue {}: {}", self.0.path.display(), self.0.what)?;
        match self.0.caused.as_ref().and_then(Error::source) {
            Some(cause) => write!(f, ": {cause}"),
            None => Ok(()),
        }
    }
}

impl Error for QueueError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.caused.as_ref().map(|caused| caused as _)
    }
}
