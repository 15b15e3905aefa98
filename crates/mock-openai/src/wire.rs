//! How answers are written.

mod chunks;
mod completion;
mod models;
mod vectors;

use std::time::Duration;

pub(crate) use self::{
    chunks::{Event, EventKind, chunks, content_event, error_event},
    completion::completion,
    models::models,
    vectors::embeddings,
};

/// What every part of one answer carries.
#[derive(Clone, Debug)]
pub(crate) struct Envelope<'a> {
    pub(crate) id: String,
    pub(crate) model: &'a str,
    pub(crate) created: u64,
}

/// A duration as Go prints it and OpenAI sends it: `1s`, `6m0s`, `120ms`, `1h0m0.5s`.
pub(crate) fn go_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    if millis < 1000 {
        return if millis == 0 { "0s".to_owned() } else { format!("{millis}ms") };
    }
    let (minutes, millis) = (millis / 60_000, millis % 60_000);
    let seconds = match millis % 1000 {
        0 => format!("{}s", millis / 1000),
        rest => format!("{}.{}s", millis / 1000, format!("{rest:03}").trim_end_matches('0')),
    };
    match (minutes / 60, minutes % 60) {
        (0, 0) => seconds,
        (0, minutes) => format!("{minutes}m{seconds}"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_go_writes_them() {
        let cases = [
            (0, "0s"),
            (120, "120ms"),
            (1_000, "1s"),
            (1_250, "1.25s"),
            (59_999, "59.999s"),
            (60_000, "1m0s"),
            (360_000, "6m0s"),
            (3_600_500, "1h0m0.5s"),
        ];
        for (millis, written) in cases {
            assert_eq!(go_duration(Duration::from_millis(millis)), written);
        }
    }
}
