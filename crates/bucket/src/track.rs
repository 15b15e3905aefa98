use std::time::Duration;

use mainstay_fault::HasCall;
use tokio::time::Instant;

/// What the layer reads from a request besides its weight.
pub trait Track<Request> {
    /// The moment by which the whole call must have ended, if the request says.
    fn deadline(&self, request: &Request) -> Option<Instant>;

    /// Writes down that the request stood in line so long, and stands there no more: it is sent now, or refused.
    fn waited(request: &Request, time: Duration);
}

/// Leaves requests alone, so that they may be of any type: the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Untracked;

/// Respects the deadline and writes into the journal of the [`Call`](mainstay_fault::Call) that a request carries: see
/// [`RateLimitLayer::tracked`](crate::RateLimitLayer::tracked).
#[derive(Clone, Copy, Debug, Default)]
pub struct Tracked;

// === impl Untracked ===

impl<Request> Track<Request> for Untracked {
    fn deadline(&self, _: &Request) -> Option<Instant> {
        None
    }

    fn waited(_: &Request, _: Duration) {}
}

// === impl Tracked ===

impl<Request: HasCall> Track<Request> for Tracked {
    fn deadline(&self, request: &Request) -> Option<Instant> {
        request.call()?.deadline
    }

    fn waited(request: &Request, time: Duration) {
        if let Some(journal) = request.call().and_then(|call| call.journal.as_ref()) {
            journal.queued(time);
        }
    }
}
