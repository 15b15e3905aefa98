//! Times that are longer than the deadline which they stand beside.

use std::time::Duration;

use super::{Checked, Spot, values::some_time};
use crate::config::{Config, Preset, RouteConfig};

/// Times, by their names.
type Times<T> = [(&'static str, T); 4];

/// The time that may be none: then nobody waits.
const MAX_WAIT: &str = "max_wait";

// === impl Config ===

impl Config {
    /// Refuses a time that was said, and is longer than the deadline. Where a preset or a default is, the deadline simply counts.
    pub(super) fn check_timeouts(&self, root: &Spot) -> Checked {
        some_time(&root.key("deadline"), self.deadline)?;
        let usual = self.preset.map_or_else(Self::default, Preset::config).timeouts();
        for ((name, time), (_, usual)) in self.timeouts().into_iter().zip(usual) {
            let spot = root.key(name);
            check_time(&spot, name, time)?;
            let is_said =
                || time != usual || self.origin.text.as_deref().is_some_and(|text| spot.is_in(text));
            if time > self.deadline && is_said() {
                return Err(too_long(&spot, time, self.deadline));
            }
        }
        Ok(())
    }

    const fn timeouts(&self) -> Times<Duration> {
        [
            ("attempt_timeout", self.attempt_timeout),
            ("first_token_timeout", self.first_token_timeout),
            ("between_tokens_timeout", self.between_tokens_timeout),
            (MAX_WAIT, self.max_wait),
        ]
    }
}

// === impl RouteConfig ===

impl RouteConfig {
    pub(super) fn check_timeouts(&self, spot: &Spot, config: &Config) -> Checked {
        let deadline = self.deadline.unwrap_or(config.deadline);
        some_time(&spot.key("deadline"), deadline)?;
        let times: Times<_> = [
            ("attempt_timeout", self.attempt_timeout),
            ("first_token_timeout", self.first_token_timeout),
            ("between_tokens_timeout", self.between_tokens_timeout),
            (MAX_WAIT, self.max_wait),
        ];
        for (name, time) in times {
            let (Some(time), spot) = (time, spot.key(name)) else { continue };
            check_time(&spot, name, time)?;
            if time > deadline {
                return Err(too_long(&spot, time, deadline));
            }
        }
        Ok(())
    }
}

fn check_time(spot: &Spot, name: &str, time: Duration) -> Checked {
    if name == MAX_WAIT { Ok(()) } else { some_time(spot, time) }
}

fn too_long(spot: &Spot, time: Duration, deadline: Duration) -> crate::config::spot::Invalid {
    spot.invalid(format!("is {time:?}, longer than the deadline of {deadline:?}: it must be at most that"))
}
