//! What a router must know of chats, and how it reads their answers.

use mainstay_openai_client::{Content, Part, ResponseFormat, Role, Usage};
use mainstay_router::{self as router, ByUsage, Capabilities, HandOver, Profile, Ticket, hand_over, usage};

use crate::{ChatRequest, ChatStream, EmbeddingRequest, EmbeddingResponse, limits, stack::Shared};

pub(crate) type Describe<R = ChatRequest> = fn(&R) -> Profile<'_>;
pub(crate) type EmbedTicket = ByUsage<fn(&EmbeddingResponse) -> Option<router::Usage>>;
pub(crate) type ChatTicket = ByUsage<fn(&Shared) -> Option<router::Usage>>;
pub(crate) type StreamTicket = HandOver<fn(ChatStream, Ticket) -> ChatStream>;

/// Reads the usage of whole answers.
pub(crate) fn whole() -> ChatTicket {
    usage((|response| stated(response.usage.as_ref()).map(router_usage)) as fn(&Shared) -> _)
}

/// Reads the usage of embeddings.
pub(crate) fn embedded() -> EmbedTicket {
    usage((|response| stated(response.usage.as_ref()).map(router_usage)) as fn(&EmbeddingResponse) -> _)
}

/// Judges streams at their end.
pub(crate) fn streamed() -> StreamTicket {
    hand_over(ChatStream::judging as fn(ChatStream, Ticket) -> ChatStream)
}

/// What a server says was used. No answer is free: one that states nothing but zeros has not said.
pub(crate) fn stated(usage: Option<&Usage>) -> Option<&Usage> {
    usage.filter(|usage| total(usage) > 0)
}

/// All tokens, also where the server has not added them up.
pub(crate) fn total(usage: &Usage) -> u64 {
    usage.total_tokens.max(usage.prompt_tokens.saturating_add(usage.completion_tokens))
}

pub(crate) fn router_usage(usage: &Usage) -> router::Usage {
    router::Usage::new(usage.prompt_tokens, usage.completion_tokens)
}

/// What a strategy may know of a chat.
pub(crate) fn describe(request: &ChatRequest) -> Profile<'_> {
    let prompt_chars = request.messages.iter().map(|message| message.text().chars().count() as u64).sum();
    let steps = request.messages.iter().filter(|message| message.tool_calls.is_some()).count();
    Profile {
        input_tokens: limits::prompt(request),
        output_tokens: limits::answer(request),
        open_answers: limits::open_answers(request),
        prompt_chars,
        needs: needs(request),
        steps: u32::try_from(steps).map_or(u32::MAX, |steps| steps.saturating_add(1)),
        budget_key: user(&request.extra),
        text: asked(request),
    }
}

/// What a strategy may know of a chat that will be streamed.
pub(crate) fn describe_stream(request: &ChatRequest) -> Profile<'_> {
    let profile = describe(request);
    Profile { needs: profile.needs | Capabilities::STREAMING, ..profile }
}

/// Nothing: where there is one backend, which takes whatever comes.
pub(crate) fn anything<R>(_: &R) -> Profile<'_> {
    Profile::default()
}

fn needs(request: &ChatRequest) -> Capabilities {
    let mut needs = Capabilities::empty();
    needs.set(Capabilities::TOOLS, request.tools.as_ref().is_some_and(|tools| !tools.is_empty()));
    needs.set(Capabilities::STRUCTURED_OUTPUT, is_structured(request));
    let parts = request.messages.iter().filter_map(|message| match &message.content {
        Some(Content::Parts(parts)) => Some(parts),
        _ => None,
    });
    for part in parts.flatten() {
        match part {
            Part::Image(_) => needs |= Capabilities::VISION,
            Part::Other(other) if other.get("type").is_some_and(|kind| kind == "input_audio") => {
                needs |= Capabilities::AUDIO;
            }
            _ => {}
        }
    }
    needs
}

/// Whether the answer must have a structure. Text has none, also where the request says so.
pub(crate) fn is_structured(request: &ChatRequest) -> bool {
    request.response_format.as_ref().is_some_and(|format| !matches!(format, ResponseFormat::Text))
}

/// For whom the call is made, if the caller says.
fn user(fields: &serde_json::Map<String, serde_json::Value>) -> &str {
    let named = ["user", "safety_identifier"].into_iter().find_map(|name| fields.get(name)?.as_str());
    named.unwrap_or_default()
}

/// What the user has asked last: what strategies that read the prompt look at.
fn asked(request: &ChatRequest) -> &str {
    let last = request.messages.iter().rfind(|message| message.role == Role::User);
    match last.and_then(|message| message.content.as_ref()) {
        Some(Content::Text(text)) => text,
        Some(Content::Parts(parts)) => parts.iter().find_map(Part::as_text).unwrap_or_default(),
        None => "",
    }
}

/// What a strategy may know of texts to be embedded.
pub(crate) fn describe_texts(request: &EmbeddingRequest) -> Profile<'_> {
    let input_tokens = limits::weigh_texts(request);
    let budget_key = user(&request.extra);
    Profile { input_tokens, needs: Capabilities::EMBEDDINGS, budget_key, ..Profile::default() }
}
