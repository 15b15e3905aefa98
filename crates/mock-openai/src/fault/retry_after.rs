//! The many shapes of `Retry-After`.

use std::time::Duration;

use http::{HeaderName, HeaderValue, header};

use crate::{
    clock,
    plan::error::{Invalid, Place},
};

/// Beyond it an HTTP date cannot be written.
const YEARS: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// What a refusal says about when to come back.
///
/// The default says nothing.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct RetryAfter {
    /// `retry-after`, sent as it stands: `2`, `1.5`, `0`, `-1`, `abc`, `86400`.
    pub raw: Option<String>,
    /// `retry-after-ms`, sent as it stands.
    pub millis: Option<String>,
    /// `retry-after` as an HTTP date, this long after the answer's own `date`.
    pub date: Option<Duration>,
    /// How far the answer's `date`, and with it the one above, is from the real time: seconds, negative for a slow clock.
    pub clock_skew: i64,
}

// === impl RetryAfter ===

impl RetryAfter {
    /// `retry-after: TEXT`, whatever the text.
    pub fn raw(text: impl Into<String>) -> Self {
        Self { raw: Some(text.into()), ..Self::default() }
    }

    /// `retry-after-ms: TEXT`, whatever the text.
    pub fn millis(text: impl Into<String>) -> Self {
        Self { millis: Some(text.into()), ..Self::default() }
    }

    /// `retry-after` as an HTTP date, `wait` after the answer's own `date`.
    pub fn date(wait: Duration) -> Self {
        Self { date: Some(wait), ..Self::default() }
    }

    /// Sends the answer as from a clock that is `seconds` ahead of the real one (behind it, where negative).
    #[must_use]
    pub fn clock_skew(self, seconds: i64) -> Self {
        Self { clock_skew: seconds, ..self }
    }

    pub(super) fn check(&self, place: &Place) -> Result<(), Invalid> {
        let texts = [("retry_after", &self.raw), ("retry_after_ms", &self.millis)];
        for (field, text) in texts.into_iter().filter_map(|(field, text)| Some((field, text.as_ref()?))) {
            if HeaderValue::from_str(text).is_err() {
                return Err(place.key(field).invalid(format!("{text:?}"), "cannot be sent in a header"));
            }
        }
        match self.date {
            Some(date) if self.raw.is_some() => Err(place
                .key("retry_after_date")
                .invalid(format!("{date:?}"), "cannot stand beside `retry_after`")),
            Some(date) if date > YEARS => {
                Err(place.key("retry_after_date").invalid(format!("{date:?}"), "must be at most 100 years"))
            }
            _ if self.clock_skew.unsigned_abs() > YEARS.as_secs() / 10 => {
                Err(place.key("clock_skew_seconds").invalid(self.clock_skew, "must be at most 10 years"))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        let value = |text: &str| HeaderValue::from_str(text).ok();
        let skew = Duration::from_secs(self.clock_skew.unsigned_abs());
        let now = if self.clock_skew < 0 { clock::now() - skew } else { clock::now() + skew };
        let dated = |wait: Duration| value(&httpdate::fmt_http_date(now + wait));

        let raw = self.raw.as_deref().and_then(value).map(|raw| (header::RETRY_AFTER, raw));
        let date = self.date.and_then(dated).map(|date| (header::RETRY_AFTER, date));
        let millis = self.millis.as_deref().and_then(value);
        let skewed = (self.clock_skew != 0).then(|| dated(Duration::ZERO)).flatten();
        let millis = millis.map(|millis| (HeaderName::from_static("retry-after-ms"), millis));
        [raw, date, millis, skewed.map(|date| (header::DATE, date))].into_iter().flatten().collect()
    }
}
