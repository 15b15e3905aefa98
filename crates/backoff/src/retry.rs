use std::task::{Context, Poll};

use tower_service::Service;

use crate::{Handle, Judge, ResponseFuture, attempts::Attempts};

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
pub fn retry<P, Op, Answer, T, E>(policy: P, operation: Op) -> ResponseFuture<Operation<Op>, (), P>
where
    P: Handle,
    P::Judge: Judge<T, E>,
    Op: FnMut() -> Answer,
    Answer: Future<Output = Result<T, E>>,
{
    let attempts = Attempts::begin(&policy.policy().settings, true, None);
    ResponseFuture::unsent(Operation(operation), (), attempts, policy)
}

/// An operation that [`retry`] runs: a service that is always ready, and asked nothing.
#[derive(Clone, Copy, Debug)]
pub struct Operation<Op>(Op);

// === impl Operation ===

impl<Op, Answer, T, E> Service<()> for Operation<Op>
where
    Op: FnMut() -> Answer,
    Answer: Future<Output = Result<T, E>>,
{
    type Response = T;
    type Error = E;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), E>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, (): ()) -> Answer {
        (self.0)()
    }
}
