use std::{fmt, sync::Arc, time::Duration};

use mainstay_fault::BackendId;

use crate::{Cause, member::Member, moment::Moment, word::State};

/// How a backend does at a moment: see [`Backends::snapshot`](crate::Backends::snapshot).
///
/// # Examples
///
/// ```
/// use mainstay_router::{Backend, Backends};
///
/// let backends = Backends::new([Backend::new("one", ())])?;
/// for backend in backends.snapshot() {
///     assert_eq!(backend.to_string(), "one: up, 0 in flight");
/// }
/// # Ok::<_, mainstay_router::TooManyBackends>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Snapshot {
    /// Its number.
    pub id: BackendId,
    /// Its name.
    pub name: Arc<str>,
    /// The calls that it has, of all sets that share its [`Standing`](crate::Standing).
    pub in_flight: u32,
    /// Its weight.
    pub weight: f64,
    /// The latency to the first token, if it was ever measured.
    pub first_token: Option<Duration>,
    /// The latency to the end, if it was ever measured.
    pub to_the_end: Option<Duration>,
    /// The share of calls that failed of late.
    pub failure_ratio: f64,
    /// Why it is set aside, if it is.
    pub set_aside: Option<Cause>,
    /// How long it still is; zero where it waits for a probe.
    pub returns_in: Option<Duration>,
    /// Whether a probe is under way.
    pub probing: bool,
}

// === impl Snapshot ===

impl Snapshot {
    pub(crate) fn of(member: &Member, now: Moment) -> Self {
        let seconds =
            |value: Option<f32>| value.map(|seconds| Duration::from_secs_f32(seconds.clamp(0.0, 1e9)));
        let (set_aside, returns_in) = match member.standing.state(now) {
            State::Up { .. } => (None, None),
            State::Away { cause, until, .. } => (Some(cause), Some(until.since(now))),
        };
        Self {
            id: member.id,
            name: Arc::clone(&member.attributes.name),
            in_flight: member.standing.in_flight(),
            weight: member.weight(),
            first_token: seconds(member.first.last()),
            to_the_end: seconds(member.whole.last()),
            failure_ratio: member.standing.seen(now).failures(),
            set_aside,
            returns_in,
            probing: member.standing.is_probed(),
        }
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.name)?;
        match (self.set_aside, self.returns_in) {
            (Some(cause), Some(left)) => write!(f, "set aside ({}), {left:?} left", cause.kind())?,
            _ => f.write_str("up")?,
        }
        write!(f, ", {} in flight", self.in_flight)
    }
}
