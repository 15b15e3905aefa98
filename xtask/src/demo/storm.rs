//! The weather of the demo: everything that another attempt can mend, at once.

use std::time::Duration;

use mainstay_mock_openai::{Latency, ModelPlan, Plan, RetryAfter, WholeFault};

/// The model that the demo asks.
pub(crate) const MODEL: &str = "gpt-4o-mini";

/// The share of calls that fail: about a fifth.
const SHARE: f64 = 0.2;

/// The requests and tokens that a minute allows, where that is the weather.
pub(crate) const LIMITS: (u64, u64) = (600, 90_000);

/// How many documents to send then: they need somewhat more than a minute's tokens.
pub(crate) const LIMITED: usize = 140;

/// No call fails, but a minute allows only so many of them.
pub(crate) fn limited(seed: u64) -> Plan {
    let (requests, tokens) = LIMITS;
    let model = ModelPlan::new().latency(well()).requests_per_minute(requests).tokens_per_minute(tokens);
    Plan::new().seed(seed).model(MODEL, model)
}

/// A fifth of the calls fail, each time in one of seventeen ways; the others take some 25 ms.
///
/// Left out is what no second attempt at the same server mends: an empty purse, a wrong key, a missing model, an
/// overlong or invalid request.
pub(crate) fn plan(seed: u64) -> Plan {
    let soon = RetryAfter::raw;
    let faults = [
        WholeFault::RateLimited(soon("0.3")),
        WholeFault::RateLimited(RetryAfter::millis("200")),
        WholeFault::RateLimited(RetryAfter::default()),
        WholeFault::Overloaded(soon("abc")),
        WholeFault::Overloaded529(RetryAfter::default()),
        WholeFault::RequestTimeout,
        WholeFault::ServerError,
        WholeFault::BadGateway,
        WholeFault::GatewayTimeout,
        WholeFault::Reset,
        WholeFault::ResetMidBody,
        WholeFault::Close,
        WholeFault::Hang,
        WholeFault::Html200,
        WholeFault::TruncatedJson,
        WholeFault::NotJson,
        WholeFault::Length,
    ];
    let share = SHARE / faults.len() as f64;
    let hurts = ModelPlan::new().latency(well());
    let model = faults.into_iter().fold(hurts, |model, fault| model.fault(fault, share));
    Plan::new().seed(seed).model(MODEL, model)
}

/// How long an answer takes that goes well.
const fn well() -> Latency {
    Latency::LogNormal { median: Duration::from_millis(25), sigma: 0.5 }
}
