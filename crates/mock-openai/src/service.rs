//! One request, from its arrival to its response.

use std::{convert::Infallible, future, sync::Arc};

use http::{Request, Response};
use hyper::body::Incoming;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::{
    intake,
    judge::{Asked, Verdict, judge},
    ledger::Call,
    line::{Ending, Line},
    play::Play,
    refusal::Refusal,
    reply::Reply,
    route::Route,
    script::Script,
    state::State,
    wire,
};

/// Answers one request; or ends its connection, or never answers, as the plan has it.
pub(crate) async fn respond(
    state: Arc<State>,
    request: Request<Incoming>,
    line: Line,
) -> Result<Response<Script>, Infallible> {
    let arrived = Instant::now();
    let (head, body) = request.into_parts();
    let reply = match Route::of(&head.method, head.uri.path()) {
        Ok(Route::Work { kind, deployment }) => {
            let asked = Asked { kind, deployment, headers: &head.headers };
            work(&state, asked, body, &line).await
        }
        Ok(Route::Models) => match state.authorize(&head.headers) {
            Ok(()) => Reply::json(&wire::models(state.plan.models.keys().map(String::as_str))),
            Err(refusal) => Reply::refusal(refusal),
        },
        Ok(Route::Stats) => Reply::json(&state.ledger.stats()),
        Ok(Route::Reset) => {
            state.reset();
            Reply::json(&json!({"reset": true}))
        }
        Ok(Route::Health) => Reply::json(&json!({"status": "ok"})),
        Err(refusal) => Reply::refusal(refusal),
    };
    Ok(reply.into_response(state.next_request(), arrived, line))
}

/// A call for a model's work.
async fn work(state: &Arc<State>, asked: Asked<'_>, body: Incoming, line: &Line) -> Reply {
    let mut call = state.ledger.open(state.idempotency_key(asked.headers));
    let verdict = match intake::read(body, state.plan.max_body_bytes).await {
        Ok(Some(body)) => judge(state, asked, &body, &mut call),
        Ok(None) => return silence(Some(Ending::Close), call, line).await,
        Err(refusal) => Err(refusal),
    };
    let Verdict { play, headers, wait } = verdict.unwrap_or_else(|refusal: Refusal| {
        call.outcome(refusal.outcome);
        Play::Refusal(refusal).into()
    });
    if !wait.is_zero() {
        sleep(wait).await;
    }
    match play {
        Play::Answer(answer) => Reply::answer(answer, call).with_headers(headers),
        Play::Refusal(refusal) => Reply::refusal(refusal).with_headers(headers).for_call(call),
        Play::Silence(ending) => silence(ending, call, line).await,
    }
}

async fn silence(ending: Option<Ending>, call: Call, line: &Line) -> Reply {
    if let Some(ending) = ending {
        // The call is over before its end can be seen.
        drop(call);
        line.end(ending);
        return future::pending().await;
    }
    // It stays in flight until the peer has had enough.
    let _call = call;
    future::pending().await
}
