//! How one model behaves.

use std::{fmt, num::NonZero, time::Duration};

use serde::{Deserialize, Deserializer, de};

use super::{
    duration,
    error::{Invalid, Place},
    mix::Mix,
    outage::Outage,
};
use crate::{fault::FaultSpec, latency::Latency};

/// How one model behaves. The default answers well, at once, without limits.
///
/// A call is judged in this order: the context window, the calls in flight, the rate limits; then the outages; then the
/// sequence, while it lasts; then the mix of faults.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use mainstay_mock_openai::{Latency, ModelPlan, StreamFault, WholeFault};
///
/// let model = ModelPlan::new()
///     .fault(WholeFault::ServerError, 0.1)
///     .fault(StreamFault::Cut { after: 5 }, 0.05)
///     .first_token(Latency::LogNormal { median: Duration::from_millis(20), sigma: 0.5 })
///     .tokens_per_minute(90_000)
///     .context_window(8_192);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelPlan {
    pub(crate) faults: Mix,
    pub(crate) sequence: Vec<Turn>,
    pub(crate) outages: Vec<Outage>,
    pub(crate) latency: Latency,
    pub(crate) first_token: Latency,
    pub(crate) per_token: Latency,
    pub(crate) requests_per_minute: Option<u64>,
    pub(crate) tokens_per_minute: Option<u64>,
    pub(crate) context_window: Option<u64>,
    pub(crate) max_concurrent: Option<u64>,
    pub(crate) slow_above: Option<SlowAbove>,
}

/// A server that has more than it can do at once.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SlowAbove {
    /// The calls that it can do at once.
    pub(crate) calls: u64,
    /// How much longer each call takes that comes while it has so many.
    #[serde(with = "duration")]
    pub(crate) by: Duration,
}

/// One answer of a [sequence](ModelPlan::sequence).
#[derive(Clone, Debug, PartialEq)]
pub enum Turn {
    /// A good answer: `"ok"` in TOML.
    Ok,
    /// A fault.
    Fault(FaultSpec),
}

// === impl ModelPlan ===

impl ModelPlan {
    /// A model that answers well, at once, without limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a fault that befalls this share of the calls, from 0 to 1; together the shares must not exceed 1.
    #[must_use]
    pub fn fault(mut self, fault: impl Into<FaultSpec>, probability: f64) -> Self {
        self.faults.add(fault.into(), probability);
        self
    }

    /// The first answers, in the order in which the calls arrive; after them the mix of faults rules.
    #[must_use]
    pub fn sequence(self, turns: impl IntoIterator<Item = impl Into<Turn>>) -> Self {
        Self { sequence: turns.into_iter().map(Into::into).collect(), ..self }
    }

    /// Adds a window of time in which every call fails.
    #[must_use]
    pub fn outage(mut self, outage: Outage) -> Self {
        self.outages.push(outage);
        self
    }

    /// How long an answer takes that is not streamed.
    #[must_use]
    pub fn latency(self, latency: Latency) -> Self {
        Self { latency, ..self }
    }

    /// How long a stream takes to its first token; its headers and its first event, the role, come at once.
    #[must_use]
    pub fn first_token(self, first_token: Latency) -> Self {
        Self { first_token, ..self }
    }

    /// How long a stream takes from each token to the next.
    #[must_use]
    pub fn per_token(self, per_token: Latency) -> Self {
        Self { per_token, ..self }
    }

    /// At most so many requests a minute: a bucket of that size, refilled continuously.
    #[must_use]
    pub fn requests_per_minute(self, limit: u64) -> Self {
        Self { requests_per_minute: Some(limit), ..self }
    }

    /// At most so many tokens a minute: a bucket of that size, refilled continuously.
    ///
    /// A request costs its estimated prompt and its `max_tokens`, until its answer tells what it really used.
    #[must_use]
    pub fn tokens_per_minute(self, limit: u64) -> Self {
        Self { tokens_per_minute: Some(limit), ..self }
    }

    /// At most so many tokens, prompt and `max_tokens` together; beyond it the answer is 400 `context_length_exceeded`.
    #[must_use]
    pub fn context_window(self, tokens: u64) -> Self {
        Self { context_window: Some(tokens), ..self }
    }

    /// At most so many calls at once; beyond it the answer is 503.
    #[must_use]
    pub fn max_concurrent(self, calls: u64) -> Self {
        Self { max_concurrent: Some(calls), ..self }
    }

    /// At most so many calls at once as they should be: whatever comes while there are so many is answered so much later, headers
    /// included.
    #[must_use]
    pub fn slow_above(self, calls: u64, by: Duration) -> Self {
        Self { slow_above: Some(SlowAbove { calls, by }), ..self }
    }

    pub(super) fn check(&self, place: &Place) -> Result<(), Invalid> {
        let limits = [
            ("requests_per_minute", self.requests_per_minute),
            ("tokens_per_minute", self.tokens_per_minute),
            ("context_window", self.context_window),
            ("max_concurrent", self.max_concurrent),
        ];
        if let Some((name, _)) =
            limits.iter().find(|(_, limit)| limit.is_some_and(|it| NonZero::new(it).is_none()))
        {
            return Err(place.key(name).invalid(0, "must be at least 1; leave it out for no limit"));
        }
        self.faults.check(&place.key("faults"))?;
        for (at, turn) in self.sequence.iter().enumerate() {
            turn.check(&place.key("sequence").index(at))?;
        }
        for (at, outage) in self.outages.iter().enumerate() {
            outage.check(&place.key("outages").index(at))?;
        }
        self.latency.check(&place.key("latency"))?;
        self.first_token.check(&place.key("first_token"))?;
        self.per_token.check(&place.key("per_token"))
    }
}

// === impl Turn ===

impl Turn {
    fn check(&self, place: &Place) -> Result<(), Invalid> {
        match self {
            Self::Ok => Ok(()),
            Self::Fault(fault) => fault.check(place),
        }
    }
}

impl<F: Into<FaultSpec>> From<F> for Turn {
    fn from(fault: F) -> Self {
        Self::Fault(fault.into())
    }
}

impl<'de> Deserialize<'de> for Turn {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(TurnVisitor)
    }
}

struct TurnVisitor;

impl<'de> de::Visitor<'de> for TurnVisitor {
    type Value = Turn;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"ok\" or a fault")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Turn, E> {
        match name {
            "ok" | "200" => Ok(Turn::Ok),
            fault => FaultSpec::deserialize(de::value::StrDeserializer::new(fault)).map(Turn::Fault),
        }
    }

    fn visit_i64<E: de::Error>(self, status: i64) -> Result<Turn, E> {
        self.visit_str(&status.to_string())
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Turn, A::Error> {
        FaultSpec::deserialize(de::value::MapAccessDeserializer::new(map)).map(Turn::Fault)
    }
}
