/// How many tokens a request is expected to need: those of its prompt, and those of the answer.
///
/// Any `Fn(&Request) -> u64` is one. Err on the high side: what was too many is refunded after the call, while a server
/// that is asked for more than it allows refuses.
///
/// # Examples
///
/// ```
/// use mainstay_bucket::{Weigh, estimate_tokens};
///
/// struct Question { text: String, max_tokens: u64 }
///
/// let weigh = |question: &Question| estimate_tokens(&question.text) + question.max_tokens;
/// assert_eq!(weigh.weigh(&Question { text: "What is a mainstay?".into(), max_tokens: 100 }), 105);
/// ```
pub trait Weigh<Request> {
    /// Weighs a request, in tokens.
    fn weigh(&self, request: &Request) -> u64;
}

/// Weighs no request: for limits that count only requests and calls in flight. The default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weightless;

// === impl Weightless ===

impl<Request> Weigh<Request> for Weightless {
    fn weigh(&self, _: &Request) -> u64 {
        0
    }
}

impl<F, Request> Weigh<Request> for F
where
    F: Fn(&Request) -> u64,
{
    fn weigh(&self, request: &Request) -> u64 {
        self(request)
    }
}
