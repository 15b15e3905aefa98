use std::{str::FromStr, time::Duration};

use mainstay_fault::{Fault, FaultKind};

/// How an execution ended, as it is written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum End {
    Answered { version: u16, bytes: Vec<u8> },
    Failed(Fault),
}

/// What of a fault others can use: `rate_limited 2000 -`, the kind, Retry-After in milliseconds, and the server's word.
pub(crate) fn write_fault(fault: &Fault) -> Vec<u8> {
    let after = fault.retry_after.map_or_else(|| "-".to_owned(), |after| after.as_millis().to_string());
    let word = fault.should_retry.map_or_else(|| "-".to_owned(), |word| word.to_string());
    format!("{} {after} {word}", fault.kind.as_str()).into_bytes()
}

pub(crate) fn read_fault(bytes: &[u8]) -> Option<Fault> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut words = text.split(' ');
    let mut fault = Fault::new(FaultKind::from_str(words.next()?).ok()?);
    fault.retry_after = match words.next()? {
        "-" => None,
        millis => Some(Duration::from_millis(millis.parse().ok()?)),
    };
    fault.should_retry = match words.next()? {
        "-" => None,
        word => Some(word.parse().ok()?),
    };
    words.next().is_none().then_some(fault)
}
