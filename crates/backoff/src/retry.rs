use std::borrow::Borrow;

use crate::{Backoff, Judge, RetryPolicy, attempts::Attempts, wait::Wait};

/// Runs an operation until it succeeds or its policy gives up: retries without tower.
///
/// Takes a policy or a reference to one. A policy holds its own budget: to bound the retries of all calls together, make
/// one policy and pass references to it.
///
/// # Errors
///
/// The last attempt's error.
///
/// # Cancel safety
///
/// Dropping the future drops the attempt or the wait that is under way.
///
/// # Examples
///
/// ```
/// use mainstay_backoff::{RetryPolicy, retry};
/// use mainstay_fault::{Fault, FaultKind};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// let mut attempts = 0;
/// let answer = retry(RetryPolicy::default(), || {
///     attempts += 1;
///     let outcome = if attempts < 3 { Err(Fault::new(FaultKind::Unavailable)) } else { Ok("here") };
///     async move { outcome }
/// })
/// .await;
/// assert_eq!((answer, attempts), (Ok("here"), 3));
/// # });
/// ```
pub async fn retry<P, B, J, K, Op, Answer, T, E>(policy: P, mut operation: Op) -> Result<T, E>
where
    P: Borrow<RetryPolicy<B, J, K>>,
    B: Backoff,
    J: Judge<T, E>,
    Op: FnMut() -> Answer,
    Answer: Future<Output = Result<T, E>>,
{
    let policy = policy.borrow();
    let mut attempts = Attempts::begin(&policy.settings, None);
    loop {
        let mut outcome = operation().await;
        let Some(fault) = policy.judge.judge(&mut outcome) else { return outcome };
        let Ok(delay) = attempts.next(policy, &fault) else { return outcome };
        Wait::new(delay).await;
    }
}
