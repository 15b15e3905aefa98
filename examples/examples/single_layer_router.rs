//! `mainstay-router` alone: three backends, of which one is slow and one fails for a while; who gets the calls, and why.
#![allow(clippy::print_stdout, reason = "a program for people")]

use std::time::Duration;

use futures_util::future::join_all;
use mainstay_backoff::{RetryLayer, RetryPolicy};
use mainstay_fault::{Call, Fault, FaultKind, HasCall};
use mainstay_router::{Backend, Backends, Health, Router, strategy::LeastLoaded};
use tokio::time::{Instant, sleep, sleep_until};
use tower::{Layer, Service, ServiceExt, service_fn, util::BoxCloneSyncService};

/// What stands behind each backend: it says its name.
type Model = BoxCloneSyncService<Ask, &'static str, Fault>;

/// A question, and what travels with it: which backends it has tried.
#[derive(Clone, Default)]
struct Ask(Call);

impl HasCall for Ask {
    fn call(&self) -> Option<&Call> {
        Some(&self.0)
    }

    fn call_mut(&mut self) -> Option<&mut Call> {
        Some(&mut self.0)
    }
}

/// A backend that takes so long, and fails from the tenth to the fortieth second if it is the unlucky one.
fn backend(name: &'static str, millis: u64, began: Instant, unlucky: bool) -> Backend<Model> {
    let service = service_fn(move |_: Ask| async move {
        sleep(Duration::from_millis(millis)).await;
        let down = unlucky && (10..40).contains(&began.elapsed().as_secs());
        if down { Err(Fault::from(FaultKind::Overloaded)) } else { Ok(name) }
    });
    Backend::new(name, BoxCloneSyncService::new(service))
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let began = Instant::now();
    // Failures are counted over five seconds, so that a backend which was well for long is set aside soon.
    let backends = Backends::with_health(Health::default().window(Duration::from_secs(5)));
    for backend in [
        backend("quick", 50, began, true),
        backend("steady", 60, began, false),
        backend("slow", 400, began, false),
    ] {
        backends.add(backend)?;
    }
    let router = Router::new(backends, LeastLoaded::default()).tracked();
    let service = RetryLayer::new(RetryPolicy::default().tracked()).layer(router.clone());

    println!("50 calls a second; \"quick\" fails from the 10th to the 40th:\n");
    println!("{:>12} {:>7} {:>7} {:>7} {:>7}", "seconds", "quick", "steady", "slow", "failed");
    for from in (0..60).step_by(10) {
        let calls =
            (0..500).map(|at| ask_at(began + Duration::from_millis(from * 1_000 + at * 20), &service));
        let ended = join_all(calls).await;
        let by = |name| ended.iter().filter(|answer| **answer == name).count();
        let [quick, steady, slow] = ["quick", "steady", "slow"].map(|name| by(Some(name)));
        let (span, failed) = (format!("{from} to {}", from + 10), by(None));
        println!("{span:>12} {quick:>7} {steady:>7} {slow:>7} {failed:>7}");
        if from == 20 {
            println!("\nthe next call would go {}\n", router.why(&Ask::default()));
        }
    }
    println!();
    router.snapshot().iter().for_each(|backend| println!("{backend}"));
    Ok(())
}

/// Makes a call at a moment; tells who answered it, if anybody did.
async fn ask_at<S: Service<Ask, Response = &'static str> + Clone>(
    at: Instant,
    service: &S,
) -> Option<&'static str> {
    sleep_until(at).await;
    service.clone().oneshot(Ask::default()).await.ok()
}
