use std::{
    future::Future,
    task::{Context, Poll},
};

use tower_service::Service;

use super::{Item, QueueError, Queued};

/// Where entries are kept for people.
///
/// One that fails says so with [`QueueError::other`], where there is an example of a sink.
pub trait Sink<Request> {
    /// Resolves when the item is as safe as this sink can make it.
    type Push: Future<Output = Result<Queued, QueueError>>;

    /// Keeps an item.
    fn push(&self, item: Item<Request>) -> Self::Push;
}

/// A sink as a tier's service: it answers with the promise that people will see to the call.
///
/// # Cancel safety
///
/// Dropping a call does not take back what was given to the sink: the entry may be there or not.
#[derive(Clone, Debug)]
pub struct QueueTier<Q>(Q);

// === impl QueueTier ===

impl<Q> QueueTier<Q> {
    /// Creates the service of a sink.
    pub const fn new(sink: Q) -> Self {
        Self(sink)
    }
}

impl<Q: Sink<Request>, Request> Service<Item<Request>> for QueueTier<Q> {
    type Response = Queued;
    type Error = QueueError;
    type Future = Q::Push;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), QueueError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, item: Item<Request>) -> Q::Push {
        self.0.push(item)
    }
}
