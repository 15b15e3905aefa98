use super::packed::Packed;

/// The items of a stream, as they are kept.
pub(crate) enum Items<T> {
    Plain(Vec<T>),
    Packed(Packed<T>),
}

// === impl Items ===

impl<T> Items<T> {
    /// Keeps them as they are.
    pub(super) const fn plain() -> Self {
        Self::Plain(Vec::new())
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Plain(items) => items.len(),
            Self::Packed(packed) => packed.len(),
        }
    }

    /// There will be no more of them.
    pub(super) fn finish(&mut self) {
        match self {
            Self::Plain(items) => items.shrink_to_fit(),
            Self::Packed(packed) => packed.finish(),
        }
    }
}

impl<T: Clone> Items<T> {
    pub(super) fn push(&mut self, item: &T) {
        match self {
            Self::Plain(items) => items.push(item.clone()),
            Self::Packed(packed) => packed.push(item),
        }
    }

    /// The item at a place. `None` past their end, or if it cannot be read any more.
    pub(super) fn get(&self, place: usize) -> Option<T> {
        match self {
            Self::Plain(items) => items.get(place).cloned(),
            Self::Packed(packed) => packed.get(place),
        }
    }
}
