use mainstay_fault::{HasCall, Tried};

/// What the router reads of a call's earlier attempts.
pub trait Track<Request> {
    /// The backends that the call has tried in this pass; `None` if requests are not tracked.
    fn tried(&self, request: &Request) -> Option<Tried>;
}

/// Leaves requests alone, so that they may be of any type: the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Untracked;

/// Reads the [`Call`](mainstay_fault::Call) of a request: see [`Router::tracked`](crate::Router::tracked).
#[derive(Clone, Copy, Debug, Default)]
pub struct Tracked;

// === impl Untracked ===

impl<Request> Track<Request> for Untracked {
    fn tried(&self, _: &Request) -> Option<Tried> {
        None
    }
}

// === impl Tracked ===

impl<Request: HasCall> Track<Request> for Tracked {
    fn tried(&self, request: &Request) -> Option<Tried> {
        request.call().map(|call| call.tried.clone())
    }
}
