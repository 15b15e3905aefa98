use std::{error::Error, fmt, io, path::PathBuf};

use super::{
    Config,
    spot::{Invalid, Spot, line},
};

/// Why a configuration was refused.
///
/// Its text names the file (where there is one), the line, the field, and what would be right. It does not show the line
/// itself: a key may stand in it.
///
/// # Examples
///
/// ```
/// use mainstay::Config;
///
/// let error = Config::from_toml("deadline = \"1m\"\nretrys = 3").unwrap_err();
/// assert_eq!(error.line(), Some(2));
/// assert!(error.to_string().starts_with("configuration, line 2: unknown field `retrys`, expected one of `preset`"));
/// ```
#[derive(Debug)]
pub struct ConfigError {
    path: Option<PathBuf>,
    line: Option<usize>,
    cause: Cause,
}

#[derive(Debug)]
enum Cause {
    Unreadable(io::Error),
    /// Its message only: the error itself would show the text.
    Toml(String),
    /// What cannot be said in TOML.
    Unwritable(String),
    Invalid(Invalid),
}

// === impl ConfigError ===

impl ConfigError {
    /// The line of the error, from 1, where it is in a text.
    pub const fn line(&self) -> Option<usize> {
        self.line
    }

    pub(super) const fn unreadable(source: io::Error) -> Self {
        Self { path: None, line: None, cause: Cause::Unreadable(source) }
    }

    pub(super) fn toml(text: &str, source: &toml::de::Error) -> Self {
        let (span, said) = (source.span(), source.message());
        let at = span.as_ref().map(|span| span.start);
        let mut message = in_toml(said);
        if let Some(spot) = at.and_then(|at| Spot::at(text, at)) {
            message = format!("`{spot}`: {message}");
        }
        if let Some(key) = span.filter(|_| said == "duplicate key").and_then(|span| text.get(span)) {
            message = format!("{message} `{key}`");
        }
        Self { path: None, line: at.and_then(|at| line(text, at)), cause: Cause::Toml(message) }
    }

    pub(super) fn unwritable(source: &toml::ser::Error) -> Self {
        Self { path: None, line: None, cause: Cause::Unwritable(source.to_string()) }
    }

    pub(crate) const fn invalid(invalid: Invalid) -> Self {
        Self { path: None, line: None, cause: Cause::Invalid(invalid) }
    }

    /// Says where in the text of its configuration it is, if that was read from one.
    pub(crate) fn of(self, config: &Config) -> Self {
        let Self { path, line, cause } = self;
        let text = config.origin.text.as_deref();
        let found = match &cause {
            Cause::Invalid(invalid) => text.and_then(|text| invalid.spot.line(text)),
            Cause::Unreadable(_) | Cause::Toml(_) | Cause::Unwritable(_) => None,
        };
        Self { path: path.or_else(|| config.origin.path.clone()), line: line.or(found), cause }
    }

    pub(super) fn in_file(self, path: PathBuf) -> Self {
        Self { path: Some(path), ..self }
    }
}

/// Says in TOML's words what is expected in Rust's.
fn in_toml(message: &str) -> String {
    let Some((found, expected)) = message.rsplit_once(", expected ") else { return message.to_owned() };
    let expected = match expected {
        "u16" => "a whole number from 0 to 65,535",
        "u32" => "a whole number from 0 to 4,294,967,295",
        "u64" | "usize" => "a whole number, 0 or more",
        "f64" => "a number",
        "a duration" => "a duration, such as \"1m 30s\" or \"250ms\"",
        table if table.starts_with("struct ") => "a table",
        other => other,
    };
    format!("{found}, expected {expected}")
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "{}", path.display())?,
            None => f.write_str("configuration")?,
        }
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        match &self.cause {
            Cause::Unreadable(error) => write!(f, ": {error}"),
            Cause::Toml(message) => write!(f, ": {message}"),
            Cause::Unwritable(message) => write!(f, " cannot be written: {message}"),
            Cause::Invalid(invalid) => write!(f, ": {invalid}"),
        }
    }
}

impl Error for ConfigError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.cause {
            // Its own words are in ours: who prints the whole chain is to read them once.
            Cause::Unreadable(error) => error.source(),
            Cause::Toml(_) | Cause::Unwritable(_) | Cause::Invalid(_) => None,
        }
    }
}
