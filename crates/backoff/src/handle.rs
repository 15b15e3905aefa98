use std::sync::Arc;

use crate::{Backoff, RetryPolicy};

/// A way to a [`RetryPolicy`]: the policy itself, a reference to it, or an [`Arc`] of it.
pub trait Handle {
    /// The policy's delays.
    type Backoff: Backoff;
    /// What judges outcomes.
    type Judge;
    /// What is read from requests and written to them.
    type Track;

    /// Returns the policy.
    fn policy(&self) -> &RetryPolicy<Self::Backoff, Self::Judge, Self::Track>;
}

impl<B: Backoff, J, T> Handle for RetryPolicy<B, J, T> {
    type Backoff = B;
    type Judge = J;
    type Track = T;

    fn policy(&self) -> &Self {
        self
    }
}

impl<H: Handle + ?Sized> Handle for &H {
    type Backoff = H::Backoff;
    type Judge = H::Judge;
    type Track = H::Track;

    fn policy(&self) -> &RetryPolicy<H::Backoff, H::Judge, H::Track> {
        (**self).policy()
    }
}

impl<H: Handle + ?Sized> Handle for Arc<H> {
    type Backoff = H::Backoff;
    type Judge = H::Judge;
    type Track = H::Track;

    fn policy(&self) -> &RetryPolicy<H::Backoff, H::Judge, H::Track> {
        (**self).policy()
    }
}
