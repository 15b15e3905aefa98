//! Bodies in one piece, and what can be wrong with them.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;

use crate::{fault::WholeFault, line::Ending, refusal::html, script::Step};

const JSON: &str = "application/json";
const SERVER_ERROR: &[u8] =
    br#"{"error":{"message":"The server had an error while processing your request.","type":"server_error","param":null,"code":null}}"#;

/// A body, its type and the length that is promised.
pub(super) struct Body {
    pub(super) content_type: &'static str,
    pub(super) steps: Vec<Step>,
    pub(super) length: Option<u64>,
}

/// The right body, or what a fault makes of it.
pub(super) fn body(right: Bytes, fault: Option<&WholeFault>) -> Body {
    let promised = right.len() as u64;
    let half = right.slice(..right.len() / 2);
    match fault {
        Some(WholeFault::ResetMidBody) => {
            Body::json(vec![Step::Send(half), Step::End(Ending::Reset)], Some(promised))
        }
        Some(WholeFault::HangAfterHeaders) => Body::json(vec![Step::Hang], Some(promised)),
        Some(WholeFault::SlowDrip { interval }) => Body::json(drip(&right, *interval), Some(promised)),
        Some(WholeFault::EndlessBody) => Body::json(vec![Step::Send(half), endless("lorem ipsum ")], None),
        Some(WholeFault::Html200) => Body { content_type: "text/html", ..Body::sent(html(StatusCode::OK)) },
        Some(WholeFault::Empty200) => Body::sent(Bytes::new()),
        Some(WholeFault::TruncatedJson) => Body::sent(half),
        Some(WholeFault::WrongJson) => Body::sent(Bytes::from_static(br#"{"foo":1}"#)),
        Some(WholeFault::ErrorIn200) => Body::sent(Bytes::from_static(SERVER_ERROR)),
        _ => Body::sent(right),
    }
}

/// The bytes one at a time.
pub(super) fn drip(bytes: &Bytes, interval: Duration) -> Vec<Step> {
    let between = if interval.is_zero() { Step::Flush } else { Step::Pause(interval) };
    let each = (0..bytes.len()).flat_map(|at| [between.clone(), Step::Send(bytes.slice(at..=at))]);
    each.skip(1).collect()
}

/// A text again and again, as fast as the peer reads it, within reason.
pub(super) fn endless(text: &str) -> Step {
    const BLOCK: usize = 16 << 10;
    let times = BLOCK.div_ceil(text.len().max(1));
    Step::Repeat(text.repeat(times).into(), Duration::from_millis(1))
}

// === impl Body ===

impl Body {
    fn json(steps: Vec<Step>, length: Option<u64>) -> Self {
        Self { content_type: JSON, steps, length }
    }

    fn sent(bytes: Bytes) -> Self {
        let length = bytes.len() as u64;
        Self::json(if bytes.is_empty() { Vec::new() } else { vec![Step::Send(bytes)] }, Some(length))
    }
}
