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

/// The right body, or what a fault makes of it. Its tokens are there before its first byte is.
pub(super) fn body(right: Bytes, tokens: u64, fault: Option<&WholeFault>) -> Body {
    let promised = right.len() as u64;
    let half = right.slice(..right.len() / 2);
    let given = Some(tokens);
    match fault {
        Some(WholeFault::ResetMidBody) => {
            Body::json(vec![Step::Send(half, given), Step::End(Ending::Reset)], Some(promised))
        }
        Some(WholeFault::HangAfterHeaders) => Body::json(vec![Step::Hang], Some(promised)),
        Some(WholeFault::SlowDrip { interval }) => {
            Body::json(drip(&right, *interval, |to| if to == 0 { 0 } else { tokens }), Some(promised))
        }
        Some(WholeFault::EndlessBody) => {
            Body::json(vec![Step::Send(half, given), endless("lorem ipsum ")], None)
        }
        Some(WholeFault::Html200) => {
            Body { content_type: "text/html", ..Body::sent(html(StatusCode::OK), None) }
        }
        Some(WholeFault::Empty200) => Body::sent(Bytes::new(), None),
        Some(WholeFault::TruncatedJson) => Body::sent(half, given),
        Some(WholeFault::WrongJson) => Body::sent(Bytes::from_static(br#"{"foo":1}"#), None),
        Some(WholeFault::ErrorIn200) => Body::sent(Bytes::from_static(SERVER_ERROR), None),
        _ => Body::sent(right, given),
    }
}

/// The bytes of an answer one at a time, where so many tokens are in its first so many bytes.
pub(super) fn drip(bytes: &Bytes, interval: Duration, tokens: impl Fn(usize) -> u64) -> Vec<Step> {
    let between = if interval.is_zero() { Step::Flush } else { Step::Pause(interval) };
    let each = (0..bytes.len()).flat_map(|at| {
        let more = tokens(at + 1).saturating_sub(tokens(at));
        [between.clone(), Step::Send(bytes.slice(at..=at), Some(more))]
    });
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

    fn sent(bytes: Bytes, tokens: Option<u64>) -> Self {
        let length = bytes.len() as u64;
        Self::json(if bytes.is_empty() { Vec::new() } else { vec![Step::Send(bytes, tokens)] }, Some(length))
    }
}
