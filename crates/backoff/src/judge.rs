use mainstay_fault::{Fault, HasFault};

/// Says what is wrong with the outcome of an attempt, if anything.
///
/// Implemented by [`ByFault`] (the default: an error says its own fault), [`Classify`] (a closure says it) and
/// [`Check`](crate::Check) (answers are looked at too).
pub trait Judge<T, E> {
    /// Returns the fault of an outcome, `None` if it is a success.
    ///
    /// An answer that is not accepted is replaced by the error that stands for it.
    fn judge(&self, outcome: &mut Result<T, E>) -> Option<Fault>;
}

/// Judges an error by what it says of itself: [`HasFault`].
#[derive(Clone, Copy, Debug, Default)]
pub struct ByFault;

/// Judges an error by a closure: see [`RetryPolicy::classify`](crate::RetryPolicy::classify).
#[derive(Clone, Copy, Debug)]
pub struct Classify<F>(pub(crate) F);

// === impl ByFault ===

impl<T, E: HasFault> Judge<T, E> for ByFault {
    fn judge(&self, outcome: &mut Result<T, E>) -> Option<Fault> {
        outcome.as_ref().err().map(HasFault::fault)
    }
}

// === impl Classify ===

impl<T, E, F: Fn(&E) -> Fault> Judge<T, E> for Classify<F> {
    fn judge(&self, outcome: &mut Result<T, E>) -> Option<Fault> {
        outcome.as_ref().err().map(&self.0)
    }
}
