//! What a tier is asked.

use std::num::NonZeroU32;

use mainstay_fallback::{MapRequest, Trail, queue::Item};
use mainstay_fault::{Call, Elsewhere, HasCall, Journal, worth_falling_back};

use crate::{ChatRequest, Error};

/// What a tier is asked: the request, and what the tiers above have failed with.
#[derive(Clone, Debug)]
pub struct Asked {
    request: ChatRequest,
    above: Vec<String>,
}

/// Asks a tier for a chat.
#[allow(unnameable_types, reason = "a part of a service's type that nobody names")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Ask {
    /// Whether it goes on with an answer that broke.
    continues: bool,
}

/// Asks a tier the same again.
#[allow(unnameable_types, reason = "a part of a service's type that nobody names")]
#[derive(Clone, Copy, Debug)]
pub struct AskAgain;

// === impl Asked ===

impl Asked {
    pub(crate) fn request(self) -> ChatRequest {
        self.request
    }

    pub(crate) fn item(mut self) -> Item<ChatRequest> {
        // People do not stream; and the usage may have been asked for by us.
        if self.request.stream_options.is_some() {
            self.request.stream_options = None;
        }
        let mut item = Item::new("no tier answered", self.request);
        item.reasons = self.above;
        item
    }
}

// === impl Ask ===

impl Ask {
    /// To go on with an answer that broke.
    pub(crate) const fn to_continue() -> Self {
        Self { continues: true }
    }
}

impl MapRequest<ChatRequest, Error> for Ask {
    type Mapped = Asked;

    fn map_request(&self, request: &ChatRequest, above: &Trail<Error>) -> Asked {
        self.map_last(request.clone(), above)
    }

    fn map_last(&self, request: ChatRequest, above: &Trail<Error>) -> Asked {
        let mut request = AskAgain.map_last(request, above);
        if self.continues
            && let Some(call) = request.call_mut()
        {
            call.continues = true;
        }
        let above = above.iter().map(|fallen| format!("{}: {}", fallen.tier(), fallen.error())).collect();
        Asked { request, above }
    }
}

// === impl AskAgain ===

/// The request as a tier gets it: its attempts are numbered on from those of the tiers above, and it knows what keeps it from others.
impl<R: HasCall + Clone> MapRequest<R, Error> for AskAgain {
    type Mapped = R;

    fn map_request(&self, request: &R, above: &Trail<Error>) -> R {
        self.map_last(request.clone(), above)
    }

    fn map_last(&self, mut request: R, above: &Trail<Error>) -> R {
        if !above.is_empty()
            && let Some(call) = request.call_mut()
        {
            number_on(call, above.len());
            note(call, above);
        }
        request
    }
}

/// Numbers the attempts to come on from those that were made: so many, unless the journal knows better. They are no
/// retries, but these are paid for with the first.
pub(crate) fn number_on(call: &mut Call, made: usize) {
    let made = call.journal.as_ref().map_or(made, Journal::len).max(1);
    call.before = u32::try_from(made).unwrap_or(u32::MAX);
    call.attempt = NonZeroU32::MIN.saturating_add(call.before);
}

/// Notes which tiers cannot take the call any more: those whose windows are no larger, and those that do not go around a policy.
fn note(call: &mut Call, above: &Trail<Error>) {
    for fallen in above {
        match worth_falling_back(fallen.fault()) {
            Elsewhere::LargerWindow => {
                let window = fallen.window().unwrap_or(u64::MAX);
                call.outgrown = call.outgrown.max(u32::try_from(window).unwrap_or(u32::MAX));
            }
            Elsewhere::IfAsked => call.filtered = true,
            Elsewhere::Yes | Elsewhere::No => {}
        }
    }
}
