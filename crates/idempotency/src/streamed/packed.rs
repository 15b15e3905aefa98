//! Items in little room.
//!
//! What a model's stream says is some four bytes an item; the item's JSON has two hundred more around them, which are the same in
//! all, and as a struct with its maps it takes two thousand. So each is kept as JSON, and of that only the middle in which it differs from
//! an earlier one, its *key*. Where the middle is most of it, it is a key itself.

use std::ops::Range;

use serde::{Serialize, de::DeserializeOwned};

pub(crate) struct Packed<T> {
    codec: Codec<T>,
    parts: Vec<Part<T>>,
    /// The middles of all parts, one after the other.
    text: Vec<u8>,
    /// Where the text of the last key is.
    key: Range<u32>,
    /// Where an item is written before it is compared, so that not each has to allocate.
    draft: Vec<u8>,
}

/// How items are written and read.
struct Codec<T> {
    /// Writes an item; tells whether that can be read again, as the same.
    write: fn(&T, &mut Vec<u8>) -> bool,
    read: fn(&[u8]) -> Option<T>,
}

enum Part<T> {
    Text(Differs),
    /// One that would not come back the same.
    Whole(Box<T>),
}

/// A text that begins and ends as its key does.
struct Differs {
    key: Range<u32>,
    prefix: u32,
    suffix: u32,
    middle: Range<u32>,
}

// === impl Packed ===

impl<T: Serialize + DeserializeOwned + PartialEq> Packed<T> {
    pub(super) fn new() -> Self {
        let read = |text: &[u8]| serde_json::from_slice(text).ok();
        let write = |item: &T, text: &mut Vec<u8>| {
            serde_json::to_writer(&mut *text, item).is_ok()
                && serde_json::from_slice::<T>(text).is_ok_and(|read| read == *item)
        };
        let codec = Codec { write, read };
        Self { codec, parts: Vec::new(), text: Vec::new(), key: 0..0, draft: Vec::new() }
    }
}

impl<T> Packed<T> {
    pub(super) fn len(&self) -> usize {
        self.parts.len()
    }

    pub(super) fn finish(&mut self) {
        self.draft = Vec::new();
        self.text.shrink_to_fit();
        self.parts.shrink_to_fit();
    }

    fn text(&self, range: &Range<u32>) -> Option<&[u8]> {
        self.text.get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
    }

    /// Keeps the draft; `None` where it is too long to be kept so.
    fn pack(&mut self) -> Option<Differs> {
        let key = self.text(&self.key)?;
        let prefix = same(key.iter(), self.draft.iter());
        let (key_rest, rest) = (key.get(prefix..)?, self.draft.get(prefix..)?);
        let suffix = same(key_rest.iter().rev(), rest.iter().rev());
        if self.draft.len() > 2 * (prefix + suffix) {
            self.key = self.add(0..self.draft.len())?;
            return Some(Differs { key: 0..0, prefix: 0, suffix: 0, middle: self.key.clone() });
        }
        let middle = self.add(prefix..self.draft.len() - suffix)?;
        let (prefix, suffix) = (u32::try_from(prefix).ok()?, u32::try_from(suffix).ok()?);
        Some(Differs { key: self.key.clone(), prefix, suffix, middle })
    }

    /// Adds a part of the draft to the text; returns where it is.
    fn add(&mut self, part: Range<usize>) -> Option<Range<u32>> {
        let start = u32::try_from(self.text.len()).ok()?;
        let end = u32::try_from(self.text.len() + part.len()).ok()?;
        self.text.extend_from_slice(self.draft.get(part)?);
        Some(start..end)
    }

    fn unpack(&self, Differs { key, prefix, suffix, middle }: &Differs) -> Option<T> {
        let (key, middle) = (self.text(key)?, self.text(middle)?);
        let prefix = key.get(..usize::try_from(*prefix).ok()?)?;
        let suffix = key.get(key.len().checked_sub(usize::try_from(*suffix).ok()?)?..)?;
        (self.codec.read)(&[prefix, middle, suffix].concat())
    }
}

impl<T: Clone> Packed<T> {
    pub(super) fn push(&mut self, item: &T) {
        self.draft.clear();
        let is_read_again = (self.codec.write)(item, &mut self.draft);
        let packed = is_read_again.then(|| self.pack()).flatten();
        self.parts.push(packed.map_or_else(|| Part::Whole(Box::new(item.clone())), Part::Text));
    }

    pub(super) fn get(&self, place: usize) -> Option<T> {
        match self.parts.get(place)? {
            Part::Text(differs) => self.unpack(differs),
            Part::Whole(item) => Some(T::clone(item)),
        }
    }
}

/// How long two texts are the same.
fn same<'a>(one: impl Iterator<Item = &'a u8>, other: impl Iterator<Item = &'a u8>) -> usize {
    one.zip(other).take_while(|(one, other)| one == other).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_packed_comes_back(items in prop::collection::vec((0..3_u8, "[ab\"é]{0,6}", any::<f64>()), 0..40)) {
            let mut packed = Packed::new();
            for (at, item) in items.iter().enumerate() {
                packed.push(item);
                prop_assert_eq!(packed.len(), at + 1);
            }
            packed.finish();
            for (at, item) in items.iter().enumerate() {
                let (number, text, float) = packed.get(at).unwrap();
                // What is no number in JSON is kept as it is.
                prop_assert_eq!((number, text, float.to_bits()), (item.0, item.1.clone(), item.2.to_bits()));
            }
            prop_assert!(packed.get(items.len()).is_none());
        }
    }

    #[test]
    fn what_is_the_same_is_kept_once() {
        let item = |word: &str| {
            format!("the same in all, and longer than what differs: {word}, and so is what follows")
        };
        let mut packed = Packed::new();
        for n in 0..1_000 {
            packed.push(&item(&n.to_string()));
        }
        packed.finish();
        assert!(packed.text.capacity() <= 4_000, "{} bytes", packed.text.capacity());
        assert_eq!(packed.get(999), Some(item("999")));
        packed.push(&"something else".to_owned());
        packed.push(&"something else!".to_owned());
        assert_eq!(
            (packed.get(1_000), packed.get(1_001)),
            (Some("something else".into()), Some("something else!".into()))
        );
    }
}
