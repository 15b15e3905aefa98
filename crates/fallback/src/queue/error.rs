use std::{error::Error, fmt, path::PathBuf, sync::Arc};

use mainstay_fault::{Caused, Fault, FaultKind, HasFault};

/// A queue that could not be opened, or an entry that could not be kept.
///
/// Its fault is [`Shed`](FaultKind::Shed): the call was not seen to on this side. A [`Sink`](super::Sink) of your own makes one with
/// [`QueueError::other`].
#[derive(Clone, Debug)]
pub struct QueueError(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    what: String,
    path: Option<PathBuf>,
    caused: Option<Caused>,
}

const SHED: Fault = Fault::new(FaultKind::Shed);

// === impl QueueError ===

impl QueueError {
    /// Creates the error of a sink of your own: what went wrong, and the error that made it so.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::{future::{Ready, ready}, io};
    /// use mainstay_fallback::queue::{Item, QueueError, QueueTier, Queued, Sink};
    /// use mainstay_fault::{FaultKind, HasFault};
    /// use tower::ServiceExt;
    ///
    /// struct Tickets;
    ///
    /// impl Sink<String> for Tickets {
    ///     type Push = Ready<Result<Queued, QueueError>>;
    ///
    ///     fn push(&self, _: Item<String>) -> Self::Push {
    ///         let cause = io::Error::new(io::ErrorKind::ConnectionRefused, "nobody listens on port 5432");
    ///         ready(Err(QueueError::other("no ticket was made", cause)))
    ///     }
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let item = Item::new("no model", "Where is my parcel?".to_owned());
    /// let error = QueueTier::new(Tickets).oneshot(item).await.unwrap_err();
    /// assert_eq!(error.fault().kind, FaultKind::Shed);
    /// assert_eq!(error.to_string(), "queue: no ticket was made: nobody listens on port 5432");
    /// let chain = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    /// assert!(chain.last().is_some_and(|root| root.is::<io::Error>()));
    /// # });
    /// # Ok::<_, io::Error>(())
    /// ```
    pub fn other(what: impl Into<String>, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::of(what, None, Some(Caused::new(SHED, cause)))
    }

    pub(super) fn new(what: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        Self::of(what, Some(path.into()), None)
    }

    pub(super) fn caused(
        what: impl Into<String>,
        path: impl Into<PathBuf>,
        cause: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::of(what, Some(path.into()), Some(Caused::new(SHED, cause)))
    }

    fn of(what: impl Into<String>, path: Option<PathBuf>, caused: Option<Caused>) -> Self {
        Self(Arc::new(Inner { what: what.into(), path, caused }))
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
        match &self.0.path {
            Some(path) => write!(f, "queue {}: {}", path.display(), self.0.what)?,
            None => write!(f, "queue: {}", self.0.what)?,
        }
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
