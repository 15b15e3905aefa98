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
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let [year, month, day] = numbers(date, '-')?;
    let zone = time.find(['Z', 'z', '+', '-'])?;
    let (time, zone) = time.split_at(zone);
    let [hour, minute, second] = numbers(time, ':')?;
    let valid = (1.0..=12.0).contains(&month) && (1.0..=31.0).contains(&day) && hour < 24.0 && minute < 60.0;
    let seconds = valid.then_some(hour * 3_600.0 + minute * 60.0 + second)?;
    Some(days(year, month, day) * 86_400.0 + seconds - offset(zone)?)
}

fn numbers(text: &str, between: char) -> Option<[f64; 3]> {
    let mut parts = text.splitn(3, between).map(|part| {
        part.starts_with(|char: char| char.is_ascii_digit()).then(|| part.parse::<f64>().ok())?
    });
    Some([parts.next()??, parts.next()??, parts.next()??])
}

fn offset(zone: &str) -> Option<f64> {
    let sign = match zone.chars().next()? {
        '+' => 1.0,
        '-' => -1.0,
        _ => return (zone.len() == 1).then_some(0.0),
    };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    Some(sign * (hours.parse::<f64>().ok()? * 3_600.0 + minutes.parse::<f64>().ok()? * 60.0))
}

/// Days from 1970-01-01 to a date of the Gregorian calendar (after H. Hinnant, `days_from_civil`).
fn days(year: f64, month: f64, day: f64) -> f64 {
    let year = if month <= 2.0 { year - 1.0 } else { year };
    let era = (year / 400.0).floor();
    let year_of_era = year - era * 400.0;
    let day_of_year = ((153.0 * ((month + 9.0) % 12.0) + 2.0) / 5.0).floor() + day - 1.0;
    let day_of_era =
        year_of_era * 365.0 + (year_of_era / 4.0).floor() - (year_of_era / 100.0).floor() + day_of_year;
    era * 146_097.0 + day_of_era - 719_468.0
}
