use tower::retry::Policy;

use crate::{Backoff, Judge, RetryPolicy, Track, attempts::Attempts, wait::Wait};

/// Makes a [`RetryPolicy`] work in tower's own [`RetryLayer`](tower::retry::RetryLayer), with the same decisions.
///
/// tower asks the layer's policy to clone the request when a call begins, and drives a clone of the policy from then on:
/// so that is where a call's state begins, and a clone that has retried already goes on with its own.
impl<Request, Res, E, B, J, T> Policy<Request, Res, E> for RetryPolicy<B, J, T>
where
    Request: Clone,
    B: Backoff,
    J: Judge<Res, E>,
    T: Track<Request>,
{
    type Future = Wait;

    fn retry(&mut self, request: &mut Request, outcome: &mut Result<Res, E>) -> Option<Wait> {
        let mut call = self
            .call
            .take()
            .unwrap_or_else(|| Attempts::begin(&self.settings, self.track.pays(request), None));
        let wait = self.after(&mut call, request, outcome);
        self.call = Some(call);
        wait
    }

    fn clone_request(&mut self, request: &Request) -> Option<Request> {
        if self.call.as_ref().is_none_or(Attempts::is_first) {
            self.call =
                Some(Attempts::begin(&self.settings, self.track.pays(request), self.track.deadline(request)));
        }
        Some(request.clone())
    }
}
