use std::time::Duration;

/// How long to wait before each retry: anything that can be iterated for delays, any number of times.
///
/// Implemented for all that is `Clone` and `IntoIterator<Item = Duration>`: [`Exponential`](crate::Exponential),
/// [`Constant`](crate::Constant), [`Decorrelated`](crate::Decorrelated), an array or a `Vec` of delays, an iterator
/// adapter. Each call gets a fresh sequence; one that ends allows no further retry.
///
/// A backoff knows no clock and no chance (but for [`Decorrelated`](crate::Decorrelated)): a
/// [`Jitter`](crate::Jitter) spreads its delays.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use mainstay_backoff::{Backoff, Exponential};
///
/// fn first(backoff: &impl Backoff) -> Option<Duration> {
///     backoff.delays().next()
/// }
///
/// assert_eq!(first(&Exponential::default()), Some(Duration::from_secs(1)));
/// assert_eq!(first(&[Duration::from_millis(50), Duration::from_secs(5)]), Some(Duration::from_millis(50)));
/// ```
pub trait Backoff: Clone {
    /// The delays before the first retry, the second, and so on.
    type Delays: Iterator<Item = Duration>;

    /// Starts the sequence of one call.
    fn delays(&self) -> Self::Delays;
}

impl<B: Clone + IntoIterator<Item = Duration>> Backoff for B {
    type Delays = B::IntoIter;

    fn delays(&self) -> Self::Delays {
        self.clone().into_iter()
    }
}
