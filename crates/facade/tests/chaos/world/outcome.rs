//! What became of calls.

use std::{collections::BTreeMap, time::Duration};

use mainstay::{Fault, FaultKind};

/// What became of a call.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) end: End,
    pub(crate) attempts: usize,
    /// The attempts that timed out.
    pub(super) timeouts: usize,
    pub(super) prompt: Option<usize>,
    pub(super) key: Option<String>,
    pub(super) took: Duration,
}

#[derive(Debug, Default)]
pub(crate) enum End {
    Whole(String),
    /// A stream that broke, after this text, and said so.
    Broke(String),
    Failed(Fault),
    /// The caller went away.
    #[default]
    Left,
}

// === impl Outcome ===

impl Outcome {
    pub(crate) const fn is_whole(&self) -> bool {
        matches!(self.end, End::Whole(_))
    }

    pub(crate) fn fault(&self) -> Option<FaultKind> {
        match &self.end {
            End::Failed(fault) => Some(fault.kind),
            _ => None,
        }
    }
}

/// How many outcomes are as asked for.
pub(crate) fn count(outcomes: &[Outcome], is: impl Fn(&Outcome) -> bool) -> usize {
    outcomes.iter().filter(|outcome| is(outcome)).count()
}

/// Asserts that at least this share of the calls was answered whole.
pub(crate) fn assert_answered(outcomes: &[Outcome], share: f64) {
    let whole = count(outcomes, Outcome::is_whole);
    let mut faults = BTreeMap::<_, usize>::new();
    for fault in outcomes.iter().filter_map(Outcome::fault) {
        *faults.entry(fault.as_str()).or_default() += 1;
    }
    assert!(
        whole as f64 >= share * outcomes.len() as f64,
        "{whole} of {} answered: {faults:?}",
        outcomes.len()
    );
}
