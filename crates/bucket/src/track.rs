use mainstay_fault::HasCall;
use tokio::time::Instant;

/// What the layer reads from a request besides its weight.
pub trait Track<Request> {
    /// The moment by which the whole call must have ended, if the request says.
    fn deadline(&self, request: &Request) -> Option<Instant>;
}

/// Leaves requests alone, so that they may be of any type: the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Untracked;

/// Respects the deadline of the [`Call`](mainstay_fault::Call) that a request carries: see
/// [`RateLimitLayer::tracked`](crate::RateLimitLayer::tracked).
#[derive(Clone, Copy, Debug, Default)]
pub struct Tracked;

// === impl Untracked ===

impl<Request> Track<Request> for Untracked {
    fn deadline(&self, _: &Request) -> Option<Instant> {
        None
    }
}

// === impl Tracked ===

impl<Request: HasCall> Track<Request> for Tracked {
    fn deadline(&self, request: &Request) -> Option<Instant> {
        request.call()?.deadline
    }
}
