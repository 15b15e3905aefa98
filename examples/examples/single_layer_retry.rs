//! `mainstay-backoff` alone: what an outage of a minute costs the upstream, with and without a budget for retries.
#![allow(clippy::print_stdout, reason = "a program for people")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use mainstay_backoff::{RetryLayer, RetryPolicy};
use mainstay_fault::{Fault, FaultKind};
use tokio::time::{Instant, sleep};
use tower::{Layer, ServiceExt, service_fn};

/// The upstream is down from the first minute to the second.
const OUTAGE: std::ops::Range<Duration> = Duration::from_secs(60)..Duration::from_secs(120);

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Fault> {
    one_call().await?;
    println!("\n100 calls a second for three minutes, the second of which is an outage:\n");
    println!("{:<16} {:>9} {:>9} {:>12}", "", "calls", "answered", "upstream saw");
    for (name, policy) in
        [("with a budget", RetryPolicy::default()), ("without", RetryPolicy::default().without_budget())]
    {
        let (calls, answered, seen) = storm(policy.retries(5)).await;
        let ratio = seen as f64 / calls as f64;
        println!("{name:<16} {calls:>9} {answered:>9} {seen:>12}  ({ratio:.2} for each call)");
    }
    Ok(())
}

/// Every attempt of a single call, as its policy tells them.
async fn one_call() -> Result<(), Fault> {
    let faults = [
        Fault::new(FaultKind::Overloaded),
        Fault::new(FaultKind::RateLimited).with_retry_after(Duration::from_secs(7)),
        Fault::new(FaultKind::Connect),
    ];
    let began = Instant::now();
    let mut faults = faults.into_iter();
    let model = service_fn(move |()| std::future::ready(faults.next().map_or(Ok("answered"), Err)));
    let policy = RetryPolicy::default().seed(1).on_retry(move |event| {
        println!(
            "{:>6.1?}  attempt {}: {}; again in {:.1?}",
            began.elapsed(),
            event.attempt,
            event.fault,
            event.delay
        );
    });
    let answer = RetryLayer::new(policy).layer(model).oneshot(()).await?;
    println!("{:>6.1?}  {answer}", began.elapsed());
    Ok(())
}

/// How many calls were made and answered, and how many the upstream has seen.
async fn storm(policy: RetryPolicy) -> (u64, u64, u64) {
    let (began, seen) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let counter = Arc::clone(&seen);
    let upstream = service_fn(move |()| {
        counter.fetch_add(1, Ordering::Relaxed);
        let down = OUTAGE.contains(&began.elapsed());
        std::future::ready(if down { Err(Fault::from(FaultKind::Unavailable)) } else { Ok(()) })
    });
    let service = RetryLayer::new(policy).layer(upstream);
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..18_000 {
        calls.spawn(service.clone().oneshot(()));
        sleep(Duration::from_millis(10)).await;
    }
    let ended = calls.join_all().await;
    (
        ended.len() as u64,
        ended.iter().filter(|answer| answer.is_ok()).count() as u64,
        seen.load(Ordering::Relaxed),
    )
}
