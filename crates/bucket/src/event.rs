use std::time::Duration;

use mainstay_fault::HasFault;

use crate::Limited;

/// Shows to whoever traces that a call has waited, and what came of it.
pub(crate) fn waited(time: Duration, refused: Option<&Limited>) {
    let wait_ms = time.as_secs_f64() * 1e3;
    match refused {
        None => tracing::debug!(mainstay.limit.wait_ms = wait_ms, "waited for a limit"),
        Some(error) => tracing::debug!(
            mainstay.limit.wait_ms = wait_ms,
            mainstay.limit.name = error.limit().as_str(),
            mainstay.limit.retry_after_ms = error.retry_after().map(|wait| wait.as_secs_f64() * 1e3),
            error.r#type = error.fault().kind.as_str(),
            "refused by a limit"
        ),
    }
}
