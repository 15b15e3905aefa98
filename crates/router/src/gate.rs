use std::time::Duration;

use crate::Profile;

/// Says whether something before a backend, such as its rate limit, would make a call wait.
///
/// A backend whose gate is shut is not chosen while another can take the call. A closure
/// `Fn(&Profile) -> Option<Duration>` is a gate.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use mainstay_router::{Backend, Profile};
///
/// let backend = Backend::new("primary", ())
///     .gate(|profile: &Profile<'_>| (profile.input_tokens > 1_000).then_some(Duration::from_secs(2)));
/// # let _ = backend;
/// ```
pub trait Gate: Send + Sync {
    /// How long a call like this would wait; `None` when it would not. [`Duration::MAX`] is for ever.
    fn opens_in(&self, profile: &Profile<'_>) -> Option<Duration>;

    /// Whether calls may be sent to wait in line behind the gate when no other backend can take them. Otherwise they are
    /// refused, and told how long the gate stays shut.
    fn queues(&self) -> bool {
        false
    }
}

impl<F> Gate for F
where
    F: Fn(&Profile<'_>) -> Option<Duration> + Send + Sync,
{
    fn opens_in(&self, profile: &Profile<'_>) -> Option<Duration> {
        self(profile)
    }
}
