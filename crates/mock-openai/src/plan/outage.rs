//! Windows of time in which every call fails.

use std::time::Duration;

use serde::Deserialize;

use super::{
    duration,
    error::{Invalid, Place},
};
use crate::fault::FaultSpec;

/// A window of time, counted from the server's start, in which every call fails in one way.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use mainstay_mock_openai::{Outage, WholeFault};
///
/// // Up for a minute, down for a minute, and so on.
/// let minute = Duration::from_secs(60);
/// let flapping = Outage::new(minute, WholeFault::ServerError).until(2 * minute).every(2 * minute);
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outage {
    #[serde(with = "duration", default)]
    from: Duration,
    #[serde(deserialize_with = "duration::optional", default)]
    until: Option<Duration>,
    #[serde(deserialize_with = "duration::optional", default)]
    every: Option<Duration>,
    pub(crate) fault: FaultSpec,
}

// === impl Outage ===

impl Outage {
    /// An outage that begins at `from` and does not end.
    pub fn new(from: Duration, fault: impl Into<FaultSpec>) -> Self {
        Self { from, until: None, every: None, fault: fault.into() }
    }

    /// Ends it.
    #[must_use]
    pub fn until(self, until: Duration) -> Self {
        Self { until: Some(until), ..self }
    }

    /// Repeats it with this period.
    #[must_use]
    pub fn every(self, every: Duration) -> Self {
        Self { every: Some(every), ..self }
    }

    /// Whether the outage lasts at `elapsed` after the start.
    pub(crate) fn covers(&self, elapsed: Duration) -> bool {
        let phase = match self.every.map(|every| every.as_nanos()).filter(|every| *every > 0) {
            Some(every) => elapsed.as_nanos() % every,
            None => elapsed.as_nanos(),
        };
        self.from.as_nanos() <= phase && self.until.is_none_or(|until| phase < until.as_nanos())
    }

    pub(super) fn check(&self, place: &Place) -> Result<(), Invalid> {
        if let Some(until) = self.until.filter(|until| *until <= self.from) {
            return Err(place.key("until").invalid(format!("{until:?}"), "must be after `from`"));
        }
        if let Some(every) =
            self.every.filter(|every| *every < self.until.unwrap_or(self.from) || every.is_zero())
        {
            return Err(place.key("every").invalid(format!("{every:?}"), "must not be shorter than `until`"));
        }
        self.fault.check(&place.key("fault"))
    }
}
