use std::{cell::Cell, num::NonZeroUsize};

use futures_util::{StreamExt, stream};
use indicatif::ProgressBar;
use mainstay::{FaultKind, HasFault, Mainstay, Reply};

use super::{Answered, Line, Results};

/// What came of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// How many lines were answered, and are on the disk.
    pub answered: u64,
    /// The lines that were not, and why. The next run asks them again.
    pub failed: Vec<(String, String)>,
    /// How many calls it took.
    pub attempts: u64,
    /// The tokens of all calls.
    pub tokens: u64,
    /// Whether it was ended early, because the purse is empty or the key is wrong, which no further call would mend.
    pub stopped: bool,
}

/// Asks all lines, so many at once, and moves the bar by each whose answer is on the disk.
///
/// # Cancel safety
///
/// Dropped, as if the process had been killed: what is on the disk stays.
pub async fn run(
    mainstay: &Mainstay,
    lines: Vec<Line>,
    results: &Results,
    parallel: NonZeroUsize,
    bar: &ProgressBar,
) -> Summary {
    let stopped = Cell::new(false);
    let outcomes = stream::iter(lines)
        .take_while(|_| std::future::ready(!stopped.get()))
        .map(|line| ask(mainstay, line, results))
        .buffer_unordered(parallel.get());
    let mut outcomes = std::pin::pin!(outcomes);
    let mut summary = Summary::default();
    while let Some(outcome) = outcomes.next().await {
        summary.add(outcome);
        stopped.set(summary.stopped);
        bar.inc(1);
        bar.set_message(format!("{} failed, {} tokens", summary.failed.len(), summary.tokens));
    }
    summary
}

/// A line's end: what it took, or its id, why it failed, and whether the others will fail like it.
type Outcome = Result<Reply, (String, String, bool)>;

async fn ask(mainstay: &Mainstay, line: Line, results: &Results) -> Outcome {
    let Line { id, key, request } = line;
    let reply = match mainstay.chat(request).await {
        Ok(reply) => reply,
        Err(failure) => {
            let hopeless = matches!(failure.fault().kind, FaultKind::QuotaExhausted | FaultKind::Auth);
            return Err((id, failure.error().to_string(), hopeless));
        }
    };
    let answered = Answered { id, key, response: reply.response.clone() };
    match results.append(&answered).await {
        Ok(()) => Ok(reply),
        // A disk that takes no more answers must not be given more that are paid for.
        Err(error) => Err((answered.id, format!("the answer cannot be kept: {error}"), true)),
    }
}

// === impl Summary ===

impl Summary {
    fn add(&mut self, outcome: Outcome) {
        match outcome {
            Ok(reply) => {
                self.answered += 1;
                self.attempts += reply.report.attempts.len() as u64;
                self.tokens += reply.report.tokens();
            }
            Err((id, why, hopeless)) => {
                self.failed.push((id, why));
                self.stopped |= hopeless;
            }
        }
    }
}
