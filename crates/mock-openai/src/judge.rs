//! What becomes of a call: refused, failed as planned, or answered.

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tokio::time::Instant;

use crate::{
    chance::Purpose,
    clock,
    ledger::{Call, KeyState},
    model::Model,
    play::{Part, Play, Played},
    refusal::Refusal,
    request::{Kind, Request, fingerprint},
    state::State,
};

/// What a call asks for, beside its body.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) kind: Kind,
    pub(crate) deployment: Option<&'a str>,
    pub(crate) headers: &'a HeaderMap,
}

/// What becomes of a call, and after which wait.
pub(crate) struct Verdict {
    pub(crate) play: Play,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) wait: Duration,
}

/// Judges a call: its key, its body, its model, the limits, and then the plan's faults.
pub(crate) fn judge(
    state: &State,
    asked: Asked<'_>,
    body: &[u8],
    call: &mut Call,
) -> Result<Verdict, Refusal> {
    state.authorize(asked.headers)?;
    let request = Request::parse(asked.kind, body, asked.deployment)?;
    call.names(request.model(), request.prompt_hash());
    let model = state.model(request.model())?;
    let key = if state.plan.dedupe { call.claim_key() } else { KeyState::New };
    match key {
        KeyState::New => fresh(state, &request, &model, body, call),
        KeyState::Done => Ok(replayed(state, &request, &model, body, call)),
        KeyState::Busy => Err(Refusal::key_in_use(call.key().unwrap_or_default())),
    }
}

/// A call that is subject to the limits and the faults.
fn fresh(
    state: &State,
    request: &Request<'_>,
    model: &Arc<Model>,
    body: &[u8],
    call: &mut Call,
) -> Result<Verdict, Refusal> {
    let prompt = request.prompt_tokens();
    let now = Instant::now();
    let ticket = model.admit(prompt, request.max_tokens(), now);
    let ticket = ticket.inspect_err(|refusal| {
        if refusal.status == StatusCode::TOO_MANY_REQUESTS {
            call.limited();
        }
    })?;
    let print = fingerprint(body);
    let chance = model.chance(state.plan.seed, print, state.ledger.occurrence(print));
    let fault = model.fault(state.elapsed(), chance);
    if let Some(fault) = fault {
        call.outcome(fault.name());
    }
    let play = Part { request, model, prompt, fault, chance, created: clock::unix_seconds() }.play();
    let (headers, wait) = match &play {
        Play::Answer(Played { streamed: true, .. }) => (model.limits.headers(now), ticket.delay),
        Play::Answer(_) => {
            let latency = model.plan.latency.sample(chance.to(Purpose::Latency));
            (model.limits.headers(now), latency.saturating_add(ticket.delay))
        }
        Play::Refusal(refusal) if refusal.status == StatusCode::TOO_MANY_REQUESTS => {
            (model.limits.headers(now), Duration::ZERO)
        }
        Play::Refusal(_) | Play::Silence(_) => (Vec::new(), Duration::ZERO),
    };
    let work = if let Play::Answer(played) = &play { Some(played.work) } else { None };
    call.holds(ticket, work);
    Ok(Verdict { play, headers, wait })
}

/// A call whose key has been answered: the same answer again, without another execution.
fn replayed(state: &State, request: &Request<'_>, model: &Model, body: &[u8], call: &mut Call) -> Verdict {
    call.outcome("deduplicated");
    let chance = model.chance(state.plan.seed, fingerprint(body), 0);
    let prompt = request.prompt_tokens();
    Part { request, model, prompt, fault: None, chance, created: clock::unix_seconds() }.play().into()
}

// === impl Verdict ===

impl From<Play> for Verdict {
    fn from(play: Play) -> Self {
        Self { play, headers: Vec::new(), wait: Duration::ZERO }
    }
}
