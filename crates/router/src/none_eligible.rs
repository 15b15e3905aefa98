use std::{fmt, sync::Arc, time::Duration};

use mainstay_fault::{Fault, FaultKind, HasFault};

use crate::{
    Ineligible, View,
    strategy::{Refusal, Strategy},
};

/// No backend can take the call: for each, why not.
///
/// Its fault is the one that is most useful to whoever is told:
///
/// | the backends | the fault |
/// |---|---|
/// | some will take calls again after a wait | the kind of the one that does so first, with the wait as its Retry-After |
/// | all others | the first that one of them has, of: quota, key, model, window; else `Shed` |
///
/// So a retry layer around the router waits exactly as long as it must, and gives up at once where waiting does not help.
///
/// # Examples
///
/// ```
/// use mainstay_fault::{FaultKind, HasFault};
/// use mainstay_router::NoneEligible;
///
/// let none = NoneEligible::default();
/// assert_eq!(none.to_string(), "no backend can take the call: there is none");
/// assert_eq!(none.fault().kind, FaultKind::Shed);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct NoneEligible(Box<Reasons>);

/// In a box, so that calls that are answered do not carry the room for it.
#[derive(Clone, Debug, PartialEq)]
struct Reasons {
    reasons: Vec<(Arc<str>, Ineligible)>,
    fault: Fault,
}

/// A pass that was used up by others' faults begins anew as soon as the retry's own backoff says.
const SOON: Duration = Duration::ZERO;

// === impl NoneEligible ===

impl NoneEligible {
    pub(crate) fn of(view: &View<'_>, strategy: &dyn Strategy, refusal: Refusal) -> Self {
        let refused = match refusal {
            Refusal::BudgetUsedUp(renews_in) => Ineligible::OverBudget(renews_in),
            Refusal::NoneEligible => Ineligible::Filtered(strategy.name()),
        };
        let why = |index: usize| view.ineligible(index).unwrap_or_else(|| refused.clone());
        let members = (0..view.len()).filter_map(|index| Some((index, view.member(index)?)));
        let reasons = members.map(|(index, member)| (Arc::clone(&member.attributes.name), why(index)));
        let reasons = reasons.collect::<Vec<_>>();
        let fault = match refusal {
            Refusal::BudgetUsedUp(Duration::MAX) => Fault::new(FaultKind::Shed),
            Refusal::BudgetUsedUp(renews_in) => Fault::new(FaultKind::Shed).with_retry_after(renews_in),
            Refusal::NoneEligible => fault_of(&reasons),
        };
        Self(Box::new(Reasons { reasons, fault: fault.with_set_aside(true) }))
    }

    /// For each backend, by its name, why it cannot take the call.
    pub fn reasons(&self) -> impl Iterator<Item = (&str, &Ineligible)> {
        self.0.reasons.iter().map(|(name, why)| (&**name, why))
    }

    /// How long it takes until the first of them can, if any will.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.fault.retry_after
    }
}

impl Default for NoneEligible {
    fn default() -> Self {
        let fault = Fault::new(FaultKind::Shed).with_set_aside(true);
        Self(Box::new(Reasons { reasons: Vec::new(), fault }))
    }
}

impl HasFault for NoneEligible {
    fn fault(&self) -> Fault {
        self.0.fault
    }
}

impl fmt::Display for NoneEligible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no backend can take the call")?;
        if self.0.reasons.is_empty() {
            return f.write_str(": there is none");
        }
        for (at, (name, why)) in self.0.reasons.iter().enumerate() {
            let gap = if at == 0 { ": " } else { "; " };
            write!(f, "{gap}{name}: {why}")?;
        }
        Ok(())
    }
}

impl std::error::Error for NoneEligible {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0.fault)
    }
}

fn fault_of(reasons: &[(Arc<str>, Ineligible)]) -> Fault {
    let reasons = || reasons.iter().map(|(_, why)| why);
    if let Some((wait, kind)) = reasons().filter_map(returns).min_by_key(|(wait, _)| *wait) {
        let fault = Fault::new(kind);
        return if wait.is_zero() { fault } else { fault.with_retry_after(wait) };
    }
    let kind = reasons().map(lasting).min().map_or(FaultKind::Shed, |(_, kind)| kind);
    let wait = reasons().filter_map(|why| match why {
        Ineligible::SetAside(_, left) => Some(*left),
        _ => None,
    });
    let fault = Fault::new(kind);
    wait.min().map_or(fault, |wait| fault.with_retry_after(wait))
}

/// When a retry may find it eligible again.
fn returns(why: &Ineligible) -> Option<(Duration, FaultKind)> {
    use crate::Cause::{Broken, RateLimited};
    match why {
        Ineligible::Tried | Ineligible::Probing(Broken) => Some((SOON, FaultKind::Unavailable)),
        Ineligible::SetAside(cause @ (Broken | RateLimited), left) => Some((*left, cause.kind())),
        Ineligible::Gate(opens_in) if *opens_in < Duration::MAX => Some((*opens_in, FaultKind::RateLimited)),
        _ => None,
    }
}

/// What else it may be, the most useful first.
fn lasting(why: &Ineligible) -> (u8, FaultKind) {
    match why {
        Ineligible::SetAside(cause, _) | Ineligible::Probing(cause) => match cause.kind() {
            FaultKind::QuotaExhausted => (0, FaultKind::QuotaExhausted),
            FaultKind::Auth => (1, FaultKind::Auth),
            kind => (2, kind),
        },
        Ineligible::Window { .. } => (3, FaultKind::ContextLength),
        _ => (4, FaultKind::Shed),
    }
}
