use std::{iter::Repeat, time::Duration};

/// The same delay before each retry.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use mainstay_backoff::Constant;
///
/// let delays: Vec<Duration> = Constant(Duration::from_millis(250)).into_iter().take(2).collect();
/// assert_eq!(delays, [Duration::from_millis(250); 2]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Constant(pub Duration);

// === impl Constant ===

impl IntoIterator for Constant {
    type Item = Duration;
    type IntoIter = Repeat<Duration>;

    fn into_iter(self) -> Repeat<Duration> {
        std::iter::repeat(self.0)
    }
}
