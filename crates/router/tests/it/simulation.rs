use std::time::Duration;

use mainstay_router::{Router, strategy::LeastLoaded};
use tokio::time::{Instant, sleep};
use tower::{
    Service, ServiceExt,
    balance::p2c::Balance,
    discover::ServiceList,
    load::{CompleteOnResponse, PeakEwma},
};

use crate::fixtures::{Knob, backends, drive};

#[tokio::test(start_paused = true)]
async fn a_slow_backend_of_three_gets_under_a_tenth_of_the_traffic() {
    let (set, knobs) = backends(&[100, 100, 1_000]);
    let router = Router::new(set, LeastLoaded::default().seed(1));
    assert_eq!(drive(&router, 1_000, Duration::from_millis(10)).await, 1_000);
    assert!(knobs[2].calls() < 100, "{}", knobs[2].calls());
    assert!(knobs[0].calls().abs_diff(knobs[1].calls()) < 200);
}

const LATENCIES: [u64; 5] = [80, 100, 120, 100, 900];
const CALLS: u32 = 4_000;
const PACE: Duration = Duration::from_millis(5);

/// The 99th percentile of the latency over services that all have 5 backends.
async fn p99<S>(service: S) -> Duration
where
    S: Service<u32, Response = u32> + Clone + Send + 'static,
    S::Error: std::fmt::Debug + Send,
    S::Future: Send,
{
    let mut tasks = tokio::task::JoinSet::new();
    for request in 0..CALLS {
        let service = service.clone();
        tasks.spawn(async move {
            let start = Instant::now();
            service.oneshot(request).await.unwrap();
            start.elapsed()
        });
        sleep(PACE).await;
    }
    let mut latencies = tasks.join_all().await;
    latencies.sort();
    latencies[latencies.len() * 99 / 100]
}

#[tokio::test(start_paused = true)]
async fn the_99th_percentile_is_no_worse_than_that_of_towers_balance() {
    let (set, knobs) = backends(&LATENCIES);
    let ours = p99(Router::new(set, LeastLoaded::default().seed(1))).await;

    let theirs: Vec<_> = LATENCIES.iter().map(|ms| Knob::new(*ms)).collect();
    let list = theirs.iter().map(|knob| {
        let (start, decay) = (Duration::from_secs(1), 10e9);
        PeakEwma::new(knob.service(), start, decay, CompleteOnResponse::default())
    });
    let list: Vec<_> = list.collect();
    let balance = Balance::new(ServiceList::new::<u32>(list));
    let tower = p99(tower::buffer::Buffer::new(balance, 1_024)).await;
    let slow = (knobs[4].calls(), theirs[4].calls());
    assert!(ours <= tower, "ours {ours:?}, tower {tower:?}; calls to the slow one {slow:?}");
}
