//! What a router must know of chats, and how it reads their answers.

use std::{sync::Arc, time::Duration};

use mainstay_bucket::Limits;
use mainstay_openai_client::{ChatResponse, Usage};
use mainstay_router::{
    self as router, ByUsage, Capabilities, Gate, HandOver, Profile, Ticket, hand_over, usage,
};

use crate::{ChatRequest, ChatStream, EmbeddingRequest, EmbeddingResponse, limits};

pub(crate) type Describe<R = ChatRequest> = fn(&R) -> Profile<'_>;
pub(crate) type EmbedTicket = ByUsage<fn(&EmbeddingResponse) -> Option<router::Usage>>;
pub(crate) type ChatTicket = ByUsage<fn(&ChatResponse) -> Option<router::Usage>>;
pub(crate) type StreamTicket = HandOver<fn(ChatStream, Ticket) -> ChatStream>;

/// The limits of a backend, as a gate before it.
#[derive(Debug)]
pub(crate) struct Limited(pub(crate) Arc<Limits>);

/// Reads the usage of whole answers.
pub(crate) fn whole() -> ChatTicket {
    usage((|response| response.usage.as_ref().map(router_usage)) as fn(&ChatResponse) -> _)
}

/// Reads the usage of embeddings.
pub(crate) fn embedded() -> EmbedTicket {
    usage((|response| response.usage.as_ref().map(router_usage)) as fn(&EmbeddingResponse) -> _)
}

/// Judges streams at their end.
pub(crate) fn streamed() -> StreamTicket {
    hand_over(ChatStream::judging as fn(ChatStream, Ticket) -> ChatStream)
}

pub(crate) fn router_usage(usage: &Usage) -> router::Usage {
    router::Usage::new(usage.prompt_tokens, usage.completion_tokens)
}

/// What a strategy may know of a chat.
pub(crate) fn describe(request: &ChatRequest) -> Profile<'_> {
    let mut needs = Capabilities::empty();
    needs.set(Capabilities::TOOLS, request.tools.as_ref().is_some_and(|tools| !tools.is_empty()));
    needs.set(Capabilities::STRUCTURED_OUTPUT, request.response_format.is_some());
    let prompt_chars = request.messages.iter().map(|message| message.text().chars().count() as u64).sum();
    Profile {
        input_tokens: limits::prompt(request),
        output_tokens: limits::answer(request),
        prompt_chars,
        needs,
        ..Profile::default()
    }
}

/// What a strategy may know of texts to be embedded.
pub(crate) fn describe_texts(request: &EmbeddingRequest) -> Profile<'_> {
    Profile { input_tokens: limits::weigh_texts(request), ..Profile::default() }
}

impl Gate for Limited {
    fn opens_in(&self, profile: &Profile<'_>) -> Option<Duration> {
        match self.0.wait_for(profile.input_tokens.saturating_add(profile.output_tokens)) {
            Some(Duration::ZERO) => None,
            // When a place comes free among the calls in flight cannot be told; not for ever, though.
            wait => Some(wait.unwrap_or(Duration::from_millis(100))),
        }
    }

    fn queues(&self) -> bool {
        true
    }
}
