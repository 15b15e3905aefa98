//! What is counted, and `GET /metrics`: all of [`mainstay::metrics`], whose docs have the table, and of HTTP what Mainstay does not see.
//!
//! | metric | labels | |
//! |---|---|---|
//! | `proxy.requests` | `path`, `status` | requests answered, those included that were let in by nobody or could not be read |
//!
//! Prometheus is told `mainstay_calls_total` of the counter `mainstay.calls`, and `gen_ai_client_operation_duration_seconds` of a
//! histogram in seconds: as its naming asks for.

use std::time::Duration;

use axum::{
    extract::{MatchedPath, Request, State},
    http::header,
    middleware::Next,
    response::{IntoResponse, Response},
};
use mainstay::metrics::{SECONDS, TOKENS};
use metrics::{counter, describe_counter};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::app::App;

/// How often what was measured is summed up, whether anybody asks or not.
const UPKEEP: Duration = Duration::from_secs(5);

/// Counts for this process.
#[derive(Clone)]
pub(crate) struct Meter(PrometheusHandle);

// === impl Meter ===

impl Meter {
    /// Begins to count: this, and whatever else in the process speaks to the `metrics` facade.
    pub(crate) fn install() -> anyhow::Result<Self> {
        let tokens = Matcher::Full("gen_ai.client.token.usage".to_owned());
        let handle = PrometheusBuilder::new()
            .with_recommended_naming(true)
            .set_buckets(&SECONDS)?
            .set_buckets_for_metric(tokens, &TOKENS)?
            .install_recorder()?;
        mainstay::metrics::describe();
        describe_counter!("proxy.requests", "Requests answered, by path and status.");
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
    counter!("proxy.requests", "path" => path, "status" => response.status().as_u16().to_string())
        .increment(1);
    response
}

pub(crate) async fn render(State(app): State<App>) -> impl IntoResponse {
    mainstay::metrics::sample(&app.mainstay.status());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], app.meter.0.render())
}
