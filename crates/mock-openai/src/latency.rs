//! How long an answer, a first token or a next token takes.

use std::{fmt, time::Duration};

use serde::{Deserialize, Deserializer, de};

use crate::{
    chance::Chance,
    plan::{
        duration,
        error::{Invalid, Place},
    },
};

/// A distribution of waiting times.
///
/// In TOML:
///
/// ```toml
/// latency = "20ms"                                               # always
/// first_token = { uniform = { from = "10ms", to = "30ms" } }     # anything between, each as likely
/// per_token = { log_normal = { median = "20ms", sigma = 0.6 } }  # most near the median, a few far above
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Latency {
    /// No wait at all: the default.
    #[default]
    Zero,
    /// Always the same.
    Constant(Duration),
    /// Anything from `from` to `to`, each as likely.
    Uniform {
        /// The shortest.
        from: Duration,
        /// The longest.
        to: Duration,
    },
    /// What measured services look like: most near the median, a few far above.
    LogNormal {
        /// Half of the waits are shorter, half longer.
        median: Duration,
        /// The standard deviation of the logarithm: 0 is a constant, 0.5 usual, 1 wild.
        sigma: f64,
    },
}

// === impl Latency ===

impl Latency {
    /// Draws one wait.
    pub(crate) fn sample(&self, chance: Chance) -> Duration {
        match *self {
            Self::Zero => Duration::ZERO,
            Self::Constant(wait) => wait,
            Self::Uniform { from, to } => from.saturating_add(to.saturating_sub(from).mul_f64(chance.unit())),
            Self::LogNormal { median, sigma } => {
                let wait = median.as_secs_f64() * (sigma * normal(chance)).exp();
                Duration::try_from_secs_f64(wait).unwrap_or(Duration::MAX)
            }
        }
    }

    pub(crate) fn check(&self, place: &Place) -> Result<(), Invalid> {
        match self {
            Self::Uniform { from, to } if from > to => Err(place
                .key("uniform")
                .invalid(format!("{from:?} to {to:?}"), "`from` must not exceed `to`")),
            Self::LogNormal { sigma, .. } if !(0.0..=10.0).contains(sigma) => {
                Err(place.key("log_normal").key("sigma").invalid(sigma, "must be between 0 and 10"))
            }
            _ => Ok(()),
        }
    }
}

impl<'de> Deserialize<'de> for Latency {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(LatencyVisitor)
    }
}

/// One standard normal number, by the method of Box and Muller (1958).
fn normal(chance: Chance) -> f64 {
    let radius = (-2.0 * (1.0 - chance.of(1).unit()).ln()).sqrt();
    radius * (std::f64::consts::TAU * chance.of(2).unit()).cos()
}

/// The spelling as a table.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Table {
    Constant(#[serde(with = "duration")] Duration),
    Uniform(Range),
    LogNormal(Bell),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Range {
    #[serde(with = "duration")]
    from: Duration,
    #[serde(with = "duration")]
    to: Duration,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bell {
    #[serde(with = "duration")]
    median: Duration,
    sigma: f64,
}

struct LatencyVisitor;

impl<'de> de::Visitor<'de> for LatencyVisitor {
    type Value = Latency;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as \"20ms\", or a table `constant`, `uniform` or `log_normal`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Latency, E> {
        duration::deserialize(de::value::StrDeserializer::new(text)).map(Latency::Constant)
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Latency, A::Error> {
        Ok(match Table::deserialize(de::value::MapAccessDeserializer::new(map))? {
            Table::Constant(wait) => Latency::Constant(wait),
            Table::Uniform(Range { from, to }) => Latency::Uniform { from, to },
            Table::LogNormal(Bell { median, sigma }) => Latency::LogNormal { median, sigma },
        })
    }
}
