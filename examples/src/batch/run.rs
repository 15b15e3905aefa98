use std::{cell::Cell, num::NonZeroUsize, pin::pin};

use futures_util::{StreamExt, stream};
use indicatif::ProgressBar;
use mainstay::{Error, Failure, FaultKind, HasFault, Mainstay, Reply, idempotency::StoreError};

use super::{Answered, Line, Results};

/// What came of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// How many lines were answered, and are on the disk.
    pub answered: u64,
    /// The lines that were not, and why. The next run asks them again.
    pub failed: Vec<(String, String)>,
    /// The lines that were under way when an earlier run was killed, and that were not asked again: they may have been answered, and
    /// billed.
    pub unknown: Vec<String>,
    /// How many calls it took.
    pub attempts: u64,
    /// The tokens of all calls.
    pub tokens: u64,
    /// How many lines were not asked, as it was stopped or ended early. The next run asks them.
    pub left: usize,
    /// Whether it was ended early, for what no further call would mend: the purse is empty, the key is wrong, the disk is full.
    pub stopped: bool,
}

/// What becomes of lines of which nobody knows whether they were answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unknown {
    /// They are told of, and nothing else.
    #[default]
    Tell,
    /// They are asked again, and may be billed a second time.
    AskAgain,
}

/// Asks all lines, so many at once, and moves the bar by each that has come to its end. After `stop` no more are asked, and those under
/// way are waited for.
///
/// # Cancel safety
///
/// Dropped, as if the process had been killed: what is on the disk stays.
pub async fn run(
    mainstay: &Mainstay,
    lines: Vec<Line>,
    results: &Results,
    parallel: NonZeroUsize,
    unknown: Unknown,
    bar: &ProgressBar,
    stop: impl Future<Output = ()>,
) -> Summary {
    let (all, stopped) = (lines.len(), Cell::new(false));
    let outcomes = stream::iter(lines)
        .take_while(|_| std::future::ready(!stopped.get()))
        .map(|line| ask(mainstay, line, results, unknown))
        .buffer_unordered(parallel.get());
    let (mut outcomes, mut stop) = (pin!(outcomes), pin!(stop));
    let mut summary = Summary { left: all, ..Summary::default() };
    loop {
        tokio::select! {
            () = &mut stop, if !stopped.get() => stopped.set(true),
            outcome = outcomes.next() => {
                let Some(outcome) = outcome else { return summary };
                summary.add(outcome);
                stopped.set(stopped.get() || summary.stopped);
                bar.inc(1);
                bar.set_message(format!("{} failed, {} tokens", summary.failed.len(), summary.tokens));
            }
        }
    }
}

/// A line's end: what it took, or its id and what went wrong.
type Outcome = Result<Reply, (String, Wrong)>;

enum Wrong {
    /// It failed, for this reason.
    Failed(String),
    /// It failed, and the others will fail like it.
    Hopeless(String),
    /// An earlier run was killed while it was under way.
    Unknown,
}

async fn ask(mainstay: &Mainstay, line: Line, results: &Results, unknown: Unknown) -> Outcome {
    let Line { id, key, request } = line;
    let request = if unknown == Unknown::AskAgain { request.retry_unknown() } else { request };
    let reply = match mainstay.chat(request).await {
        Ok(reply) => reply,
        Err(failure) => return Err((id, Wrong::of(&failure))),
    };
    let answered = Answered { id, key, response: (*reply.response).clone() };
    match results.append(&answered).await {
        Ok(()) => Ok(reply),
        // A disk that takes no more answers must not be given more that are paid for.
        Err(error) => Err((answered.id, Wrong::Hopeless(format!("the answer cannot be kept: {error}")))),
    }
}

// === impl Summary ===

impl Summary {
    fn add(&mut self, outcome: Outcome) {
        self.left -= 1;
        match outcome {
            Ok(reply) => {
                self.answered += 1;
                self.attempts += reply.report.attempts.len() as u64;
                self.tokens += reply.report.tokens();
            }
            Err((id, Wrong::Unknown)) => self.unknown.push(id),
            Err((id, Wrong::Failed(why))) => self.failed.push((id, why)),
            Err((id, Wrong::Hopeless(why))) => {
                self.failed.push((id, why));
                self.stopped = true;
            }
        }
    }
}

// === impl Wrong ===

impl Wrong {
    fn of(failure: &Failure) -> Self {
        match (failure.error(), failure.fault().kind) {
            (Error::Key(refused), _) if refused.unknown_since().is_some() => Self::Unknown,
            (error @ Error::Key(refused), _) => {
                let mut causes = anyhow::Chain::new(error);
                let away = |cause: &(dyn std::error::Error + 'static)| {
                    matches!(cause.downcast_ref(), Some(StoreError::Unavailable(_)))
                };
                // The claims cannot be kept, for a reason that is told at the end: a disk that is full. Others are of this line alone.
                let hopeless = refused.is_full() || causes.clone().any(away);
                let why = causes.next_back().map(ToString::to_string).unwrap_or_default();
                let told = if why == error.to_string() { why } else { format!("{error}: {why}") };
                if hopeless { Self::Hopeless(told) } else { Self::Failed(told) }
            }
            (error, FaultKind::QuotaExhausted | FaultKind::Auth) => Self::Hopeless(error.to_string()),
            (error, _) => Self::Failed(error.to_string()),
        }
    }
}
