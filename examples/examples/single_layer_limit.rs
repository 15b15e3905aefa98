//! `mainstay-bucket` alone: calls that weigh what they cost, wait for their turn, and give back what they did not use.
#![allow(clippy::print_stdout, reason = "a program for people")]

use std::{sync::Arc, time::Duration};

use mainstay_bucket::{Limits, RateLimitLayer, usage};
use mainstay_fault::{HasFault, fault_in};
use tokio::time::{Instant, sleep};
use tower::{BoxError, Layer, ServiceExt, service_fn};

/// A call's name, the tokens that it is expected to need, and those that it will need.
#[derive(Clone, Copy)]
struct Ask {
    name: &'static str,
    expected: u64,
    needed: u64,
}

const CALLS: [Ask; 6] = [
    Ask { name: "short", expected: 2_000, needed: 1_800 },
    Ask { name: "long", expected: 5_000, needed: 5_200 },
    Ask { name: "overestimated", expected: 3_000, needed: 200 },
    Ask { name: "huge", expected: 6_000, needed: 6_000 },
    Ask { name: "small, behind it", expected: 100, needed: 90 },
    Ask { name: "never", expected: 11_000, needed: 11_000 },
];

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), BoxError> {
    let began = Instant::now();
    let limits = Arc::new(Limits::default().tokens_per_minute(10_000)?.in_flight(4)?);
    let model = service_fn(move |ask: Ask| async move {
        println!("{:>6.1?}  {:<17} begins", began.elapsed(), ask.name);
        sleep(Duration::from_secs(2)).await;
        Ok::<_, BoxError>(ask)
    });
    let layer = RateLimitLayer::new(Arc::clone(&limits))
        .weigh(|ask: &Ask| ask.expected)
        .meter(usage(|ask: &Ask| Some(ask.needed)))
        .max_wait(Duration::from_secs(60));
    let service = layer.layer(model);

    println!("10,000 tokens a minute, 4 calls at once; all six are made at the same moment:\n");
    let calls = CALLS.map(|ask| {
        let (call, limits) = (service.clone().oneshot(ask), Arc::clone(&limits));
        async move {
            match call.await {
                Ok(_) => {
                    let (left, used) = (limits.tokens_available().unwrap_or_default(), ask.needed);
                    println!(
                        "{:>6.1?}  {:<17} ends: {used} of {} used, {left} left",
                        began.elapsed(),
                        ask.name,
                        ask.expected
                    );
                }
                Err(error) => {
                    let fault = fault_in(&*error).unwrap_or_else(|| error.fault());
                    println!("{:>6.1?}  {:<17} refused ({}): {error}", began.elapsed(), ask.name, fault.kind);
                }
            }
        }
    });
    futures_util::future::join_all(calls).await;
    Ok(())
}
