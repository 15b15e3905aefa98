use std::{fmt, slice, sync::Arc, vec};

use mainstay_fault::{Fault, HasFault};

use crate::label::Label;

/// The tiers that failed, from the first to the last. An empty one has allocated nothing, and is one word: each answer carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::box_collection, reason = "a third of the words in each answer that nothing failed for")]
pub struct Trail<E>(Option<Box<Vec<Fallen<E>>>>);

/// A tier that failed, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fallen<E> {
    tier: Arc<str>,
    window: Option<u64>,
    fault: Fault,
    error: E,
}

// === impl Trail ===

impl<E> Trail<E> {
    /// Creates an empty one.
    pub const fn new() -> Self {
        Self(None)
    }

    /// Tells whether nothing failed.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// How many tiers failed.
    pub fn len(&self) -> usize {
        self.fallen().len()
    }

    /// The tier that failed last.
    pub fn last(&self) -> Option<&Fallen<E>> {
        self.fallen().last()
    }

    /// The tiers that failed, the first first.
    pub fn iter(&self) -> slice::Iter<'_, Fallen<E>> {
        self.fallen().iter()
    }

    pub(crate) fn push(&mut self, tier: &Label, error: E)
    where
        E: HasFault,
    {
        let fault = error.fault();
        // One of several models may have failed, and not that with the largest window.
        let window = fault.outgrown.map(|window| window.get().into()).or(tier.window);
        let tier = Arc::clone(&tier.name);
        self.0.get_or_insert_default().push(Fallen { tier, window, fault, error });
    }

    /// The same tiers and faults, with errors of another type.
    pub(crate) fn map<Other>(self, mut change: impl FnMut(E) -> Other) -> Trail<Other> {
        let change =
            |Fallen { tier, window, fault, error }| Fallen { tier, window, fault, error: change(error) };
        Trail(self.0.map(|fallen| Box::new(fallen.into_iter().map(change).collect())))
    }

    fn fallen(&self) -> &[Fallen<E>] {
        self.0.as_deref().map_or(&[], Vec::as_slice)
    }
}

impl<E> Default for Trail<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a, E> IntoIterator for &'a Trail<E> {
    type Item = &'a Fallen<E>;
    type IntoIter = slice::Iter<'a, Fallen<E>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// One line for each tier.
impl<E: fmt::Display> fmt::Display for Trail<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fallen) in self.iter().enumerate() {
            let end = if at == 0 { "" } else { "\n" };
            write!(f, "{end}{}: {}", fallen.tier, fallen.error)?;
        }
        Ok(())
    }
}

// === impl Fallen ===

impl<E> Fallen<E> {
    /// The tier's name.
    pub fn tier(&self) -> &str {
        &self.tier
    }

    /// How many tokens fit into the window that was too small ([`Fault::outgrown`]), or else into the tier's, if it
    /// [says](crate::Tier::window).
    pub const fn window(&self) -> Option<u64> {
        self.window
    }

    /// What went wrong, as layers judge it.
    pub const fn fault(&self) -> &Fault {
        &self.fault
    }

    /// What went wrong.
    pub const fn error(&self) -> &E {
        &self.error
    }

    /// Takes out what went wrong.
    pub fn into_error(self) -> E {
        self.error
    }
}

impl<E> IntoIterator for Trail<E> {
    type Item = Fallen<E>;
    type IntoIter = vec::IntoIter<Fallen<E>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.map(|fallen| *fallen).unwrap_or_default().into_iter()
    }
}
