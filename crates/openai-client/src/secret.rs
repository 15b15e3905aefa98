use std::fmt;

use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use crate::InvalidSetting;

/// A key of an API. It is never shown: not by `Debug`, not in an error, not in a log; its memory is wiped when it is
/// dropped.
///
/// # Examples
///
/// ```
/// use mainstay_openai_client::ApiKey;
///
/// let key = ApiKey::from("sk-very-secret");
/// assert_eq!(format!("{key:?}"), "ApiKey(…)");
/// ```
#[derive(Clone)]
pub struct ApiKey(SecretString);

// === impl ApiKey ===

impl ApiKey {
    /// Makes a header's value of it, marked so that nobody prints it.
    pub(crate) fn header(&self, prefix: &str) -> Result<HeaderValue, InvalidSetting> {
        let key = self.0.expose_secret().trim();
        let refuse = |reason| InvalidSetting::new("api_key", "…", reason);
        if key.is_empty() {
            return Err(refuse("must not be empty"));
        }
        let mut value = HeaderValue::try_from(format!("{prefix}{key}"))
            .map_err(|_| refuse("holds characters that cannot stand in a header"))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

impl<T: Into<String>> From<T> for ApiKey {
    fn from(key: T) -> Self {
        Self(SecretString::from(key.into()))
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}
