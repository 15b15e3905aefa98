//! How a plan spells a fault: a name, a status, or a table with the parameters.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::{Deserialize, Deserializer, de};

use super::{Dialect, FaultSpec, RetryAfter, UnknownFault};
use crate::plan::duration;

/// All that a table may say about a fault. Each fault takes what it knows; what is left over is an error.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Parameters {
    fault: Option<String>,
    probability: Option<f64>,
    #[serde(deserialize_with = "text_or_number")]
    retry_after: Option<String>,
    #[serde(deserialize_with = "text_or_number")]
    retry_after_ms: Option<String>,
    #[serde(deserialize_with = "duration::optional")]
    retry_after_date: Option<Duration>,
    clock_skew_seconds: Option<i64>,
    dialect: Option<Dialect>,
    status: Option<u16>,
    headers: Option<BTreeMap<String, String>>,
    body: Option<String>,
    #[serde(deserialize_with = "duration::optional")]
    interval: Option<Duration>,
    size: Option<usize>,
    after: Option<usize>,
}

/// A fault and how likely it is, read from one table.
pub(crate) struct Spelt {
    pub(crate) fault: FaultSpec,
    pub(crate) probability: Option<f64>,
}

// === impl Parameters ===

impl Parameters {
    /// The fault that this table describes; `name` where the table itself does not say it.
    pub(crate) fn spell(mut self, name: Option<&str>) -> Result<Spelt, String> {
        let probability = self.probability.take();
        let generic = self.status.is_some().then(|| "status".to_owned());
        let name = name.map(str::to_owned).or_else(|| self.fault.take()).or(generic);
        let name = name.ok_or("missing field `fault`: which fault?")?;
        let fault = FaultSpec::from_parameters(&name, &mut self);
        let fault = fault.ok_or_else(|| UnknownFault(name.clone()).to_string())?;
        match self.left_over() {
            Some(field) => Err(format!("`{field}` does not apply to the fault `{name}`")),
            None => Ok(Spelt { fault, probability }),
        }
    }

    pub(super) fn retry_after(&mut self) -> RetryAfter {
        RetryAfter {
            raw: self.retry_after.take(),
            millis: self.retry_after_ms.take(),
            date: self.retry_after_date.take(),
            clock_skew: self.clock_skew_seconds.take().unwrap_or(0),
        }
    }

    pub(super) fn dialect(&mut self) -> Dialect {
        self.dialect.take().unwrap_or_default()
    }

    pub(super) fn status(&mut self) -> u16 {
        self.status.take().unwrap_or(500)
    }

    pub(super) fn headers(&mut self) -> BTreeMap<String, String> {
        self.headers.take().unwrap_or_default()
    }

    pub(super) fn body(&mut self) -> Option<String> {
        self.body.take()
    }

    pub(super) fn interval(&mut self, default: Duration) -> Duration {
        self.interval.take().unwrap_or(default)
    }

    pub(super) fn size(&mut self, default: usize) -> usize {
        self.size.take().unwrap_or(default)
    }

    /// Tokens before the fault; 3 unless it says.
    pub(super) fn after(&mut self) -> usize {
        self.after.take().unwrap_or(3)
    }

    fn left_over(&self) -> Option<&'static str> {
        let given = [
            ("fault", self.fault.is_some()),
            ("retry_after", self.retry_after.is_some()),
            ("retry_after_ms", self.retry_after_ms.is_some()),
            ("retry_after_date", self.retry_after_date.is_some()),
            ("clock_skew_seconds", self.clock_skew_seconds.is_some()),
            ("dialect", self.dialect.is_some()),
            ("status", self.status.is_some()),
            ("headers", self.headers.is_some()),
            ("body", self.body.is_some()),
            ("interval", self.interval.is_some()),
            ("size", self.size.is_some()),
            ("after", self.after.is_some()),
        ];
        given.iter().find(|(_, given)| *given).map(|(field, _)| *field)
    }
}

// === impl FaultSpec ===

impl<'de> Deserialize<'de> for FaultSpec {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Spelt { fault, probability } = Spelt::deserialize(from)?;
        match probability {
            Some(_) => Err(de::Error::custom("`probability` does not apply here: this fault is certain")),
            None => Ok(fault),
        }
    }
}

// === impl Spelt ===

impl<'de> Deserialize<'de> for Spelt {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(SpeltVisitor)
    }
}

struct SpeltVisitor;

impl<'de> de::Visitor<'de> for SpeltVisitor {
    type Value = Spelt;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a fault: its name, a status, or a table such as { fault = \"cut\", after = 5 }")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Spelt, E> {
        Parameters::default().spell(Some(name)).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, status: i64) -> Result<Spelt, E> {
        self.visit_str(&status.to_string())
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Spelt, A::Error> {
        let parameters = Parameters::deserialize(de::value::MapAccessDeserializer::new(map))?;
        parameters.spell(None).map_err(de::Error::custom)
    }
}

/// `"2"`, `2` and `1.5` alike.
fn text_or_number<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    struct TextVisitor;

    impl de::Visitor<'_> for TextVisitor {
        type Value = Option<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the text of a header")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Option<String>, E> {
            Ok(Some(text.to_owned()))
        }

        fn visit_i64<E: de::Error>(self, number: i64) -> Result<Option<String>, E> {
            Ok(Some(number.to_string()))
        }

        fn visit_f64<E: de::Error>(self, number: f64) -> Result<Option<String>, E> {
            Ok(Some(number.to_string()))
        }
    }

    from.deserialize_any(TextVisitor)
}
