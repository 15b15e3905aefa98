//! Runs a policy over a script of outcomes, through each of its three drivers.

use std::time::Duration;

use mainstay_backoff::{Backoff, ByFault, RetryLayer, RetryPolicy, Untracked, retry};
use mainstay_fault::{Fault, FaultKind};
use mainstay_testkit::{Record, Script, Step, script};
use tokio::time::Instant;
use tower::{Layer, Service, ServiceExt};

/// What came of a call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ended {
    pub(crate) outcome: Result<u32, Fault>,
    pub(crate) attempts: usize,
    /// From the start to each attempt, and to the end.
    pub(crate) times: Vec<Duration>,
    pub(crate) took: Duration,
}

/// Each attempt fails with the next of these; then they succeed.
pub(crate) async fn call<B>(policy: RetryPolicy<B>, faults: Vec<Fault>) -> Ended
where
    B: Backoff,
{
    let (service, record) = scripted(faults);
    let mut service = RetryLayer::new(policy).layer(service);
    let started = Instant::now();
    let outcome = service.ready().await.unwrap().call(7).await;
    let times = record.times().into_iter().map(|at| at - started).collect();
    Ended { outcome, attempts: record.calls(), times, took: started.elapsed() }
}

/// The same through tower's own retry layer.
pub(crate) async fn call_in_tower<B>(policy: RetryPolicy<B>, faults: Vec<Fault>) -> Ended
where
    B: Backoff<Delays: Clone>,
{
    let (service, record) = scripted(faults);
    let mut service =
        tower::retry::RetryLayer::<RetryPolicy<B, ByFault, Untracked>>::new(policy).layer(service);
    let started = Instant::now();
    let outcome = service.ready().await.unwrap().call(7).await;
    let times = record.times().into_iter().map(|at| at - started).collect();
    Ended { outcome, attempts: record.calls(), times, took: started.elapsed() }
}

/// The same without tower.
pub(crate) async fn call_plain<B: Backoff>(policy: RetryPolicy<B>, faults: Vec<Fault>) -> Ended {
    let started = Instant::now();
    let mut times = Vec::new();
    let outcome = retry(policy, || {
        let outcome = faults.get(times.len()).map_or(Ok(7), |fault| Err(*fault));
        times.push(started.elapsed());
        async move { outcome }
    })
    .await;
    Ended { outcome, attempts: times.len(), times, took: started.elapsed() }
}

type Scripted<F> = (Script<F, u32>, Record<u32>);

fn scripted(faults: Vec<Fault>) -> Scripted<impl Fn(usize, &u32) -> Step<u32, Fault>> {
    script(move |n, request: &u32| Step::Now(faults.get(n).map_or(Ok(*request), |fault| Err(*fault))))
}

pub(crate) fn fault(kind: FaultKind) -> Fault {
    Fault::new(kind)
}

pub(crate) fn busy(seconds: f64) -> Fault {
    Fault::new(FaultKind::RateLimited).with_retry_after(Duration::from_secs_f64(seconds))
}

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
