use std::{fmt, sync::Arc, time::Duration};

use mainstay_fallback::Degradation;
use mainstay_fault::{Attempt, Fault, Journal};
use serde::{Serialize, Serializer, ser::SerializeStruct};
use tokio::time::Instant;

/// What happened to a call: each attempt with its backend, its fault and the wait before it, and what all of it cost.
///
/// Every call has one, answered ([`Reply::report`](crate::Reply)) or not ([`Failure::report`](crate::Failure)). Shown, it
/// is a small table; by serde it is JSON, with the totals besides: `waited_seconds`, `tokens`, and `dollars` (null where no price is known).
///
/// # Examples
///
/// ```no_run
/// # async fn example(mainstay: mainstay::Mainstay) -> Result<(), Box<dyn std::error::Error>> {
/// let reply = mainstay.chat(mainstay::ChatRequest::new("gpt-4o").user("What is a mainstay?")).await?;
/// if reply.report.attempts.len() > 1 {
///     eprintln!("that was not easy:\n{}", reply.report);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// The attempts, in the order in which they began.
    pub attempts: Vec<AttemptReport>,
    /// How long the call took in all.
    pub took: Duration,
    /// The tier that answered, or that streams the answer; `None` if none did, or of a stream that was over when it was asked for by
    /// its idempotency key.
    pub tier: Option<Arc<str>>,
    /// How long ago the answer was given, if it was given to an earlier call with the same key, or to one at the same time.
    pub replayed: Option<Duration>,
    /// How much worse the answer is than the first tier's would be.
    pub degraded: Degradation,
}

/// What happened to one attempt.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AttemptReport {
    /// Where it was sent.
    #[serde(serialize_with = "name")]
    pub backend: Arc<str>,
    /// Whose service that is, as OpenTelemetry's GenAI conventions name it: by the host, and `openai` where that is not known.
    pub provider: Option<&'static str>,
    /// How long it was waited before it was sent, since the one before had ended: sleeps, and standing in line for limits.
    #[serde(rename = "waited_seconds", serialize_with = "seconds")]
    pub waited: Duration,
    /// How long the backend took, to the end of its stream if it streams; nothing if it was never sent (given up, or refused, by limits
    /// on this side), or is under way.
    #[serde(rename = "took_seconds", serialize_with = "seconds")]
    pub took: Duration,
    /// Whether it is under way.
    #[serde(skip)]
    is_under_way: bool,
    /// Whether it never left the line for limits.
    #[serde(skip)]
    pub(crate) is_unsent: bool,
    /// Why it failed, if it did.
    #[serde(serialize_with = "words")]
    pub fault: Option<Fault>,
    /// The tokens of the prompt, if the backend said. Of a stream whose backend did not say, because it broke, was dropped, or never
    /// does, they are counted here from what was asked: an estimate, not what is billed.
    pub input_tokens: Option<u64>,
    /// The tokens of the answer, if the backend said. Of such a stream, they are counted here from the deltas that have passed.
    pub output_tokens: Option<u64>,
    /// What it cost in US dollars, by these tokens, if the price is known.
    pub dollars: Option<f64>,
}

/// Shorter waits are not shown to people: they are this program's own time.
const SHOWN: Duration = Duration::from_millis(1);

// === impl Report ===

impl Report {
    /// Reads a journal, of a call that began at `began`.
    pub(crate) fn read(journal: &Journal, began: Instant) -> Self {
        let mut free = began;
        let attempts = journal.map(|attempt| AttemptReport::read(attempt, &mut free));
        Self { attempts, took: began.elapsed(), ..Self::default() }
    }

    /// The backend that answered, if one did.
    pub fn served_by(&self) -> Option<&str> {
        let last = self.attempts.last()?;
        last.fault.is_none().then_some(&*last.backend)
    }

    /// How long was waited before attempts, in all.
    pub fn waited(&self) -> Duration {
        self.attempts.iter().map(|attempt| attempt.waited).sum()
    }

    /// The tokens of all attempts, prompts and answers together, as far as the backends said or they were counted here.
    pub fn tokens(&self) -> u64 {
        let tokens =
            |attempt: &AttemptReport| Some(attempt.input_tokens?.saturating_add(attempt.output_tokens?));
        self.attempts.iter().filter_map(tokens).fold(0, u64::saturating_add)
    }

    /// What all attempts cost in US dollars, as far as prices are known; `None` where none is.
    pub fn dollars(&self) -> Option<f64> {
        let known = self.attempts.iter().filter_map(|attempt| attempt.dollars);
        known.fold(None, |sum, dollars| Some(sum.unwrap_or(0.0) + dollars))
    }
}

/// What it has, and its totals.
impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("Report", 8)?;
        map.serialize_field("attempts", &self.attempts)?;
        map.serialize_field("took_seconds", &self.took.as_secs_f64())?;
        map.serialize_field("waited_seconds", &self.waited().as_secs_f64())?;
        map.serialize_field("tokens", &self.tokens())?;
        map.serialize_field("dollars", &self.dollars())?;
        map.serialize_field("tier", &self.tier.as_deref())?;
        map.serialize_field("replayed_seconds", &self.replayed.map(|age| age.as_secs_f64()))?;
        map.serialize_field("degraded", self.degraded.as_str())?;
        map.end()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.attempts.iter().map(|attempt| attempt.backend.chars().count()).max().unwrap_or(0);
        for (at, attempt) in self.attempts.iter().enumerate() {
            write!(f, "{:>3}  {:width$}  ", at + 1, attempt.backend)?;
            if attempt.waited >= SHOWN {
                write!(f, "after {:.2?}: ", attempt.waited)?;
            }
            match &attempt.fault {
                Some(fault) => write!(f, "{fault}")?,
                None if attempt.is_under_way => f.write_str("under way")?,
                None => f.write_str("answered")?,
            }
            match attempt {
                AttemptReport { is_under_way: true, .. } => writeln!(f)?,
                AttemptReport { is_unsent: true, .. } => writeln!(f, " (not sent)")?,
                AttemptReport { took, .. } => writeln!(f, " ({took:.2?})")?,
            }
        }
        let attempts = self.attempts.len();
        let s = if attempts == 1 { "" } else { "s" };
        write!(f, "     {attempts} attempt{s} in {:.2?}", self.took)?;
        if self.waited() >= SHOWN {
            write!(f, ", {:.2?} of it waited", self.waited())?;
        }
        if let Some(age) = self.replayed {
            write!(f, ", replayed from {age:.0?} ago")?;
        }
        if let (Some(tier), true) = (&self.tier, self.degraded != Degradation::None) {
            write!(f, ", served by {tier} ({})", self.degraded)?;
        }
        if self.tokens() > 0 {
            write!(f, ", {} tokens", self.tokens())?;
        }
        self.dollars().map_or(Ok(()), |dollars| write!(f, ", ${dollars:.6}"))
    }
}

// === impl AttemptReport ===

impl AttemptReport {
    /// Reads an attempt that could have begun when the one before it was over, at `free`.
    fn read(attempt: &Attempt, free: &mut Instant) -> Self {
        let took = attempt.took.unwrap_or_default();
        let sent = attempt.began + attempt.queued;
        let waited = sent.saturating_duration_since(*free);
        *free = sent + took;
        Self {
            backend: Arc::clone(&attempt.backend),
            provider: attempt.provider,
            waited,
            took,
            is_under_way: attempt.took.is_none(),
            is_unsent: attempt.took.is_some() && attempt.in_line,
            fault: attempt.fault,
            input_tokens: attempt.input_tokens,
            output_tokens: attempt.output_tokens,
            dollars: attempt.dollars,
        }
    }
}

fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

#[allow(clippy::ref_option, reason = "serde gives a reference to the field")]
fn words<S: Serializer>(fault: &Option<Fault>, serializer: S) -> Result<S::Ok, S::Error> {
    match fault {
        Some(fault) => serializer.collect_str(fault),
        None => serializer.serialize_none(),
    }
}

fn name<S: Serializer>(name: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(name)
}
