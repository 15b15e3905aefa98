use std::fmt;

use mainstay_fault::HasCall;
use tokio::time::Instant;

use crate::Fingerprint;

/// Says which key a request has, and what it asks for.
///
/// A closure `|request: &Request| -> Option<&str>` will do; [`ByCall`] is the default.
pub trait KeyOf<Request> {
    /// The request's key. Without one it is passed on, at no cost.
    fn key<'a>(&self, request: &'a Request) -> Option<&'a str>;

    /// What the request asks for. Where all fingerprints are equal, as by default, no conflict is found.
    fn fingerprint(&self, request: &Request) -> Fingerprint {
        let _ = request;
        Fingerprint::new(0)
    }

    /// Whether the call may be made anew if an execution under its key was cut off by a crash, and nobody knows what came of it.
    fn retries_unknown(&self, request: &Request) -> bool {
        let _ = request;
        false
    }

    /// The moment by which the call must have ended, so that nobody waits for another's execution for longer.
    fn deadline(&self, request: &Request) -> Option<Instant> {
        let _ = request;
        None
    }
}

/// Takes key and deadline from the [`Call`](mainstay_fault::Call) that a request carries: the default, for which all requests are
/// equal.
#[derive(Clone, Copy, Debug, Default)]
pub struct ByCall;

/// Finds the key by `K`, and what is asked for by a closure. Made by
/// [`IdempotencyLayer::fingerprint`](crate::IdempotencyLayer::fingerprint).
#[derive(Clone, Copy)]
pub struct Fingerprinted<K, F> {
    pub(crate) key: K,
    pub(crate) fingerprint: F,
}

// === impl KeyOf ===

impl<Request, F> KeyOf<Request> for F
where
    F: Fn(&Request) -> Option<&str>,
{
    fn key<'a>(&self, request: &'a Request) -> Option<&'a str> {
        self(request)
    }
}

impl<Request: HasCall> KeyOf<Request> for ByCall {
    fn key<'a>(&self, request: &'a Request) -> Option<&'a str> {
        request.call()?.key.as_deref()
    }

    fn retries_unknown(&self, request: &Request) -> bool {
        request.call().is_some_and(|call| call.retry_unknown)
    }

    fn deadline(&self, request: &Request) -> Option<Instant> {
        request.call()?.deadline
    }
}

impl<Request, K, F> KeyOf<Request> for Fingerprinted<K, F>
where
    K: KeyOf<Request>,
    F: Fn(&Request) -> Fingerprint,
{
    fn key<'a>(&self, request: &'a Request) -> Option<&'a str> {
        self.key.key(request)
    }

    fn fingerprint(&self, request: &Request) -> Fingerprint {
        (self.fingerprint)(request)
    }

    fn retries_unknown(&self, request: &Request) -> bool {
        self.key.retries_unknown(request)
    }

    fn deadline(&self, request: &Request) -> Option<Instant> {
        self.key.deadline(request)
    }
}

// === impl Fingerprinted ===

impl<K, F> fmt::Debug for Fingerprinted<K, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fingerprinted").finish_non_exhaustive()
    }
}
