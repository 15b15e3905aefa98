//! What is counted, and `GET /metrics`.
//!
//! | metric | labels | |
//! |---|---|---|
//! | `proxy_requests_total` | `path`, `status` | requests answered |
//! | `proxy_calls_total` | `model`, `outcome` | chats ended: `ok`, `cancelled`, or the kind of the fault |
//! | `proxy_calls_in_flight` | `model` | chats under way |
//! | `proxy_call_seconds` | `model` | from a chat's request to its end |
//! | `proxy_first_token_seconds` | `model` | from a streamed chat's request to its first token |
//! | `proxy_attempts_total` | `backend`, `outcome` | what the backends were asked |
//! | `proxy_tokens_total` | `model`, `kind` | tokens of all attempts, `input` and `output` |
//! | `proxy_dollars` | `model` | what they cost, where the file has prices: a gauge that only grows, as counters hold whole numbers |
//! | `proxy_backend_up` | `route`, `backend`, `operation` | 1, or 0 while a backend is set aside |
//! | `proxy_limit_queue` | `backend` | calls that wait for a limit |
//!
//! A model that has no route of its own is counted as `other`, so that callers cannot make up series.

use std::time::Duration;

use axum::{
    extract::{MatchedPath, Request, State},
    http::header,
    middleware::Next,
    response::{IntoResponse, Response},
};
use mainstay::Status;
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::app::App;

/// How often what was measured is summed up, whether anybody asks or not.
const UPKEEP: Duration = Duration::from_secs(5);

const SECONDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

/// Counts for this process.
#[derive(Clone)]
pub(crate) struct Meter(PrometheusHandle);

// === impl Meter ===

impl Meter {
    /// Begins to count: this, and whatever else in the process speaks to the `metrics` facade.
    pub(crate) fn install() -> anyhow::Result<Self> {
        let seconds = Matcher::Suffix("_seconds".to_owned());
        let handle =
            PrometheusBuilder::new().set_buckets_for_metric(seconds, &SECONDS)?.install_recorder()?;
        describe();
        let meter = Self(handle.clone());
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(UPKEEP).await;
                handle.run_upkeep();
            }
        });
        Ok(meter)
    }
}

/// Counts a request by its path and status.
pub(crate) async fn count_request(request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let response = next.run(request).await;
    counter!("proxy_requests_total", "path" => path, "status" => response.status().as_u16().to_string())
        .increment(1);
    response
}

pub(crate) async fn render(State(app): State<App>) -> impl IntoResponse {
    sample(&app.mainstay.status());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], app.meter.0.render())
}

/// Notes how things stand.
fn sample(status: &Status) {
    for backend in &status.backends {
        let up = f64::from(u8::from(backend.is_up()));
        let (route, name) = (backend.route.clone(), backend.backend.clone());
        gauge!("proxy_backend_up", "route" => route, "backend" => name, "operation" => backend.operation)
            .set(up);
    }
    for limit in &status.limits {
        gauge!("proxy_limit_queue", "backend" => limit.backend.clone()).set(limit.waiting as f64);
    }
}

fn describe() {
    describe_gauge!("proxy_backend_up", "1, or 0 while a backend is set aside");
    describe_gauge!("proxy_limit_queue", "Calls that wait for a limit");
    describe_counter!("proxy_requests_total", "Requests answered");
    describe_counter!("proxy_calls_total", "Chats ended, by how");
    describe_gauge!("proxy_calls_in_flight", "Chats under way");
    describe_histogram!("proxy_call_seconds", Unit::Seconds, "From a chat's request to its end");
    describe_histogram!(
        "proxy_first_token_seconds",
        Unit::Seconds,
        "From a chat's request to its first token"
    );
    describe_counter!("proxy_attempts_total", "What the backends were asked, by how it ended");
    describe_counter!("proxy_tokens_total", "Tokens of all attempts");
    describe_gauge!("proxy_dollars", "What the attempts cost in US dollars");
}
