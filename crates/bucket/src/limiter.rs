use std::{future::Future, sync::Arc};

use crate::{Limited, Limits, Patience, Reservation, Reserve};

/// What a [`RateLimitLayer`](crate::RateLimitLayer) takes its reservations from.
///
/// [`Limits`] shared by all calls are one; [`ByKey`](crate::ByKey) chooses limits for each request; with the feature
/// `governor`, any limiter of that crate is another.
pub trait Limiter<Request> {
    /// Waits for a reservation.
    type Reserve: Future<Output = Result<Reservation, Limited>>;

    /// Reserves without waiting, if that can be: then nothing is allocated and no lock is taken.
    fn try_reserve(&self, request: &Request, tokens: u64) -> Option<Reservation>;

    /// Reserves after a wait where necessary.
    fn reserve(&self, request: &Request, tokens: u64, patience: Patience) -> Self::Reserve;
}

// === impl Limits ===

impl<Request> Limiter<Request> for Arc<Limits> {
    type Reserve = Reserve;

    #[inline]
    fn try_reserve(&self, _: &Request, tokens: u64) -> Option<Reservation> {
        Limits::try_reserve(self, tokens)
    }

    fn reserve(&self, _: &Request, tokens: u64, patience: Patience) -> Reserve {
        Limits::reserve(self, tokens, patience)
    }
}

impl<Request> Limiter<Request> for &'static Limits {
    type Reserve = Reserve;

    #[inline]
    fn try_reserve(&self, _: &Request, tokens: u64) -> Option<Reservation> {
        self.try_reserve_static(tokens)
    }

    fn reserve(&self, _: &Request, tokens: u64, patience: Patience) -> Reserve {
        self.reserve_static(tokens, patience)
    }
}
