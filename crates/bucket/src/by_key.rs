use std::{borrow::Borrow, fmt, hash::Hash, marker::PhantomData, sync::Arc};

use crate::{Limit, Limited, Limiter, Limits, Patience, Reason, Reservation, Reserve, keyed::KeyedLimits};

/// Limits for each key of a request. Made by [`by_key`].
pub struct ByKey<K, Q: ?Sized, F> {
    limits: Arc<KeyedLimits<K>>,
    key: F,
    keys: PhantomData<fn(&Q)>,
}

/// Limits each request by its key: its tenant, its model, its API key.
///
/// A request whose key is new when there is no room for another (see [`Keyed`](crate::Keyed)) is refused at once.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use mainstay_bucket::{KeyedLimits, Limits, RateLimitLayer, by_key};
///
/// struct Question { tenant: String, text: String }
///
/// # fn config(tenant: &str) -> u64 { 600 }
/// let limits = KeyedLimits::with(|tenant: &String| {
///     Arc::new(Limits::default().requests_per_minute(config(tenant)).unwrap_or_default())
/// });
/// let layer = RateLimitLayer::with_limiter(by_key(limits, |question: &Question| question.tenant.as_str()));
/// # let _ = layer;
/// ```
pub fn by_key<K, Q, F, Request>(limits: impl Into<Arc<KeyedLimits<K>>>, key: F) -> ByKey<K, Q, F>
where
    Q: ?Sized,
    F: Fn(&Request) -> &Q,
{
    ByKey { limits: limits.into(), key, keys: PhantomData }
}

// === impl ByKey ===

impl<K, Q: ?Sized, F> ByKey<K, Q, F>
where
    K: Hash + Eq + Borrow<Q>,
    Q: Hash + Eq + ToOwned<Owned = K>,
{
    fn limits<Request>(&self, request: &Request) -> Result<Arc<Limits>, Limited>
    where
        F: Fn(&Request) -> &Q,
    {
        let limits = self.limits.get((self.key)(request));
        limits.map_err(|_| Limited::new(Limit::Keys, Reason::TooManyKeys))
    }
}

impl<K, Q, F, Request> Limiter<Request> for ByKey<K, Q, F>
where
    K: Hash + Eq + Borrow<Q>,
    Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    F: Fn(&Request) -> &Q,
{
    type Reserve = Reserve;

    fn try_reserve(&self, request: &Request, tokens: u64) -> Option<Reservation> {
        self.limits(request).ok()?.try_into_reservation(tokens)
    }

    fn reserve(&self, request: &Request, tokens: u64, patience: Patience) -> Reserve {
        match self.limits(request) {
            Ok(limits) => limits.reserve(tokens, patience),
            Err(error) => Reserve::refused(error),
        }
    }
}

impl<K, Q: ?Sized, F: Clone> Clone for ByKey<K, Q, F> {
    fn clone(&self) -> Self {
        Self { limits: Arc::clone(&self.limits), key: self.key.clone(), keys: PhantomData }
    }
}

impl<K: Hash + Eq, Q: ?Sized, F> fmt::Debug for ByKey<K, Q, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByKey").field("limits", &self.limits).finish_non_exhaustive()
    }
}
