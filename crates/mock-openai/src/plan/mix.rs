//! The mix of faults: each befalls a share of the calls.

use std::fmt;

use serde::{Deserialize, Deserializer, de};

use super::error::{Invalid, Place};
use crate::{
    chance::Chance,
    fault::{
        FaultSpec,
        spelling::{Parameters, Spelt},
    },
};

/// Faults and their probabilities, which sum to at most 1.
///
/// In TOML a table of them, `faults = { reset = 0.1, cut = { probability = 0.1, after = 5 } }`, or a list,
/// `[[faults]]`, in which a fault may come more than once.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Mix {
    shares: Vec<Share>,
}

#[derive(Clone, Debug)]
struct Share {
    fault: FaultSpec,
    probability: f64,
    /// Where it was written: its name in a table, nothing in a list.
    name: Option<String>,
}

// === impl Mix ===

impl Mix {
    pub(super) fn add(&mut self, fault: FaultSpec, probability: f64) {
        self.shares.push(Share { fault, probability, name: None });
    }

    /// The fault that befalls the call of this chance, if one does.
    pub(crate) fn draw(&self, chance: Chance) -> Option<&FaultSpec> {
        let mut left = chance.unit();
        let hit = self.shares.iter().find(|share| {
            left -= share.probability;
            left < 0.0
        });
        hit.map(|share| &share.fault)
    }

    pub(super) fn check(&self, place: &Place) -> Result<(), Invalid> {
        for (at, share) in self.shares.iter().enumerate() {
            let place = share.name.as_ref().map_or_else(|| place.index(at), |name| place.key(name));
            share.fault.check(&place)?;
            if !(0.0..=1.0).contains(&share.probability) {
                let place = if share.name.is_some() { place } else { place.key("probability") };
                return Err(place.invalid(share.probability, "a probability must be between 0 and 1"));
            }
        }
        let sum: f64 = self.shares.iter().map(|share| share.probability).sum();
        // A little more than 1 is the rounding of ten times 0.1.
        if sum > 1.0 + 1e-9 {
            return Err(place.invalid(format!("{sum} in all"), "probabilities must sum to at most 1"));
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Mix {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(MixVisitor)
    }
}

// === impl Share ===

/// How a share was written makes no difference.
impl PartialEq for Share {
    fn eq(&self, other: &Self) -> bool {
        self.fault == other.fault && self.probability == other.probability
    }
}

struct MixVisitor;

impl<'de> de::Visitor<'de> for MixVisitor {
    type Value = Mix;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a table of faults and their probabilities, or a list of tables with `fault` and `probability`",
        )
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Mix, A::Error> {
        let mut shares = Vec::new();
        while let Some(FaultName(name)) = map.next_key()? {
            let (fault, probability) = map.next_value_seed(Named(&name))?;
            shares.push(Share { fault, probability, name: Some(name) });
        }
        Ok(Mix { shares })
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Mix, A::Error> {
        let mut shares = Vec::new();
        while let Some(Spelt { fault, probability }) = seq.next_element()? {
            let probability = probability.ok_or_else(|| de::Error::missing_field("probability"))?;
            shares.push(Share { fault, probability, name: None });
        }
        Ok(Mix { shares })
    }
}

/// The name of a fault that there is: an error here points at the name, not at what follows it.
struct FaultName(String);

// === impl FaultName ===

impl<'de> Deserialize<'de> for FaultName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let name = String::deserialize(from)?;
        name.parse::<FaultSpec>().map_err(de::Error::custom)?;
        Ok(Self(name))
    }
}

/// What follows a fault's name: its probability, or a table with that and the parameters.
struct Named<'a>(&'a str);

impl Named<'_> {
    fn spell<E: de::Error>(&self, parameters: Parameters) -> Result<(FaultSpec, Option<f64>), E> {
        let Spelt { fault, probability } = parameters.spell(Some(self.0)).map_err(E::custom)?;
        Ok((fault, probability))
    }
}

impl<'de> de::DeserializeSeed<'de> for Named<'_> {
    type Value = (FaultSpec, f64);

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> de::Visitor<'de> for Named<'_> {
    type Value = (FaultSpec, f64);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a probability, or a table with `probability` and the fault's parameters")
    }

    fn visit_f64<E: de::Error>(self, probability: f64) -> Result<Self::Value, E> {
        self.spell(Parameters::default()).map(|(fault, _)| (fault, probability))
    }

    fn visit_i64<E: de::Error>(self, probability: i64) -> Result<Self::Value, E> {
        self.visit_f64(probability as f64)
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let parameters = Parameters::deserialize(de::value::MapAccessDeserializer::new(map))?;
        let (fault, probability) = self.spell(parameters)?;
        Ok((fault, probability.ok_or_else(|| de::Error::missing_field("probability"))?))
    }
}
