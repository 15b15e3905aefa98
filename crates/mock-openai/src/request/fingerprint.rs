//! A hash of a JSON text which does not depend on the order of its keys or on white space.

use std::fmt;

use serde::{Deserialize, Deserializer, de};

use crate::chance::{hash, mix};

/// Hashes what a request says, however it is written.
///
/// Two attempts of one call have one fingerprint, also if a proxy has written the body anew.
pub(crate) fn fingerprint(body: &[u8]) -> u64 {
    serde_json::from_slice(body).map_or_else(|_| hash(body), |Fingerprint(print)| print)
}

struct Fingerprint(u64);

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(FingerprintVisitor)
    }
}

struct FingerprintVisitor;

impl<'de> de::Visitor<'de> for FingerprintVisitor {
    type Value = Fingerprint;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Fingerprint, E> {
        Ok(Fingerprint(mix(1, 0)))
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Fingerprint, E> {
        Ok(Fingerprint(mix(2, value.into())))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Fingerprint, E> {
        Ok(Fingerprint(mix(3, number)))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Fingerprint, E> {
        Ok(Fingerprint(mix(4, number.cast_unsigned())))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Fingerprint, E> {
        Ok(Fingerprint(mix(5, number.to_bits())))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Fingerprint, E> {
        Ok(Fingerprint(mix(6, hash(text.as_bytes()))))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Fingerprint, A::Error> {
        let mut all = mix(7, 0);
        while let Some(Fingerprint(print)) = seq.next_element()? {
            all = mix(all, print);
        }
        Ok(Fingerprint(all))
    }

    /// A sum, so that the order of the keys does not matter.
    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Fingerprint, A::Error> {
        let mut all = mix(8, 0);
        while let Some((Fingerprint(key), Fingerprint(value))) = map.next_entry()? {
            all = all.wrapping_add(mix(key, value));
        }
        Ok(Fingerprint(all))
    }
}
