use std::{
    ops::{Deref, DerefMut},
    time::Duration,
};

/// An answer, and whether it was given before.
///
/// It dereferences to its response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<T> {
    response: T,
    replayed: Option<Replayed>,
}

/// An answer was not given to this call, but to an earlier one with the same key, or to one at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Replayed {
    /// How long ago the execution ended.
    pub age: Duration,
}

// === impl Answer ===

impl<T> Answer<T> {
    pub(crate) const fn fresh(response: T) -> Self {
        Self { response, replayed: None }
    }

    pub(crate) const fn replayed_after(response: T, age: Duration) -> Self {
        Self { response, replayed: Some(Replayed { age }) }
    }

    /// Tells whether the answer was given before.
    pub const fn replayed(&self) -> Option<Replayed> {
        self.replayed
    }

    /// Makes another response of it.
    pub fn map<U>(self, map: impl FnOnce(T) -> U) -> Answer<U> {
        Answer { response: map(self.response), replayed: self.replayed }
    }

    /// Takes the response out.
    pub fn into_inner(self) -> T {
        self.response
    }
}

impl<B> Answer<http::Response<B>> {
    /// Takes the response out, with [`Replayed`] in its extensions if it was given before.
    pub fn into_marked(mut self) -> http::Response<B> {
        if let Some(replayed) = self.replayed {
            self.response.extensions_mut().insert(replayed);
        }
        self.response
    }
}

impl<T> Deref for Answer<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.response
    }
}

impl<T> DerefMut for Answer<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.response
    }
}
