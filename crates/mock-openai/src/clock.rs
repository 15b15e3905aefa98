//! The wall clock: for `created` and for HTTP dates, never to decide anything.

use std::time::{Duration, SystemTime};

#[expect(
    clippy::disallowed_methods,
    reason = "a timestamp that is only printed; what is decided is by tokio's clock"
)]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

/// Whole seconds since 1970.
pub(crate) fn unix_seconds() -> u64 {
    now().duration_since(SystemTime::UNIX_EPOCH).as_ref().map_or(0, Duration::as_secs)
}
