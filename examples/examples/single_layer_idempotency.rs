//! `mainstay-idempotency` alone: orders that come in three times each, some of them at the same moment, are booked once.
#![allow(clippy::print_stdout, reason = "a program for people")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use mainstay_fault::{Call, HasCall};
use mainstay_idempotency::{Fingerprint, IdempotencyLayer, Memory};
use tokio::time::{Instant, sleep};
use tower::{BoxError, Layer, ServiceExt, service_fn};

/// What is ordered; the key travels in the call.
#[derive(Clone)]
struct Order {
    what: &'static str,
    call: Call,
}

// === impl Order ===

impl HasCall for Order {
    fn call(&self) -> Option<&Call> {
        Some(&self.call)
    }

    fn call_mut(&mut self) -> Option<&mut Call> {
        Some(&mut self.call)
    }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), BoxError> {
    let booked = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&booked);
    let shop = service_fn(move |Order { what, .. }: Order| {
        let number = counter.fetch_add(1, Ordering::Relaxed) + 1;
        async move {
            sleep(Duration::from_secs(2)).await;
            if what == "a lighthouse" {
                Err(BoxError::from("sold out"))
            } else {
                Ok(format!("{what}, as booking {number}"))
            }
        }
    });
    let layer = IdempotencyLayer::new()
        .fingerprint(|order: &Order| Fingerprint::of(order.what).unwrap_or(Fingerprint::new(0)))
        .store(Memory::new().ttl(Duration::from_secs(600)).capacity(1_000));
    let shop = layer.layer(shop);

    let began = Instant::now();
    let say = |key: &'static str, what: &'static str, after: u64| {
        let shop = shop.clone();
        let order = Order { what, call: Call::default().with_key(key) };
        async move {
            sleep(Duration::from_secs(after)).await;
            let outcome = match shop.oneshot(order).await {
                Ok(answer) => match answer.replayed() {
                    Some(replayed) => format!("{} (answered {:?} ago)", *answer, replayed.age),
                    None => (*answer).clone(),
                },
                Err(error) => format!("error: {error}"),
            };
            println!("{:>5.0?}  {key:<8} asked at {after:>3} s: {outcome}", began.elapsed());
        }
    };
    tokio::join!(
        say("order-1", "a rope", 0),
        say("order-1", "a rope", 0),
        say("order-1", "a rope", 60),
        say("order-1", "an anchor", 61),
        say("order-1", "a rope", 700),
        say("order-2", "a lighthouse", 0),
        say("order-2", "a lighthouse", 1),
        say("order-2", "a lighthouse", 10),
    );
    println!("\n8 orders came in; the shop was asked {} times", booked.load(Ordering::Relaxed));
    Ok(())
}
