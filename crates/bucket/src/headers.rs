//! Reads what a server says of its limits.

use std::time::Duration;

/// Reads the dialects in which servers write a time from now: `1s`, `6m0s`, `120ms`, `1h2m3.5s`, plain seconds, or an
/// RFC 3339 date, for which `now` is asked as the seconds since 1970.
pub(crate) fn reset(text: &str, now: impl FnOnce() -> Option<f64>) -> Option<Duration> {
    let text = text.trim();
    let seconds = match text.parse::<f64>() {
        Ok(seconds) => seconds,
        Err(_) => match units(text) {
            Some(seconds) => seconds,
            None => (rfc3339(text)? - now()?).max(0.0),
        },
    };
    Duration::try_from_secs_f64(seconds).ok().map(|time| time.min(LONGEST))
}

/// Nobody waits longer for a limit of a minute or a day.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Numbers with units, as Go writes them.
fn units(mut text: &str) -> Option<f64> {
    let mut seconds = (!text.is_empty()).then_some(0.0)?;
    while !text.is_empty() {
        let digits = text.find(|char: char| !char.is_ascii_digit() && char != '.')?;
        let (number, rest) = text.split_at(digits);
        let end = rest.find(|char: char| char.is_ascii_digit()).unwrap_or(rest.len());
        let (unit, rest) = rest.split_at(end);
        seconds += number.parse::<f64>().ok()? * in_seconds(unit)?;
        text = rest;
    }
    Some(seconds)
}

fn in_seconds(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1e-9,
        "us" | "µs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return None,
    })
}

/// Reads `2026-11-24T03:15:00.5Z` or `…+01:00` as seconds since 1970.
fn rfc3339(text: &str) -> Option<f64> {
    let timestamp: jiff::Timestamp = text.parse().ok()?;
    Some(timestamp.as_duration().as_secs_f64())
}
