//! Somebody's own service, under Mainstay's retry layer alone.

use std::{
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use mainstay_backoff::{Exponential, RetryLayer, RetryPolicy};
use mainstay_fault::{Fault, FaultKind};
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

static ATTEMPTS: AtomicU32 = AtomicU32::new(0);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let model = service_fn(|question: &'static str| async move {
        match ATTEMPTS.fetch_add(1, Relaxed) {
            0 | 1 => Err(Fault::new(FaultKind::Overloaded)),
            _ => Ok(format!("{question} Yes.")),
        }
    });
    let quick = Exponential::new(Duration::from_millis(1), 2.0, Duration::from_millis(10))?;
    let retry = RetryLayer::new(RetryPolicy::default().backoff(quick));

    let mut model = ServiceBuilder::new().layer(retry).service(model);
    let answer = model.ready().await?.call("Does it hold?").await?;
    println!("{answer} ({} attempts)", ATTEMPTS.load(Relaxed));
    Ok(())
}
