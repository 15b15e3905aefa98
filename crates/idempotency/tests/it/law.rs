//! The law: under one key, no more than one success in the time that it is remembered, whatever callers do.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use mainstay_fault::FaultKind;
use mainstay_idempotency::{Answer, IdempotencyLayer, Memory};
use mainstay_testkit::{Step, script};
use proptest::prelude::*;
use tokio::{
    task::{AbortHandle, JoinSet},
    time::Instant,
};
use tower::{Layer, ServiceExt};

use crate::support::{Ask, ByKey, Failed};

const TTL: Duration = Duration::from_secs(30);
const KEYS: [&str; 3] = ["a", "b", "c"];

#[derive(Clone, Copy, Debug)]
enum Event {
    Call(usize),
    Abort(usize),
    Pass(u64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        4 => (0..KEYS.len()).prop_map(Event::Call),
        1 => (0..40_usize).prop_map(Event::Abort),
        3 => (0..20_000_u64).prop_map(Event::Pass),
    ];
    proptest::collection::vec(event, 1..60)
}

/// What ran: by key, when each execution succeeded.
type Ran = Arc<Mutex<HashMap<&'static str, Vec<Instant>>>>;

async fn play(events: Vec<Event>, seed: u64) -> (Ran, Vec<Result<Answer<u64>, Failed>>) {
    let ran = Ran::default();
    let rng = Mutex::new(fastrand::Rng::with_seed(seed));
    let (inner, _) = script(move |_, _: &Ask| {
        let mut rng = rng.lock().unwrap();
        let outcome =
            if rng.u8(..3) == 0 { Err(Failed::Inner(FaultKind::Unavailable)) } else { Ok(rng.u64(..)) };
        Step::After(Duration::from_millis(rng.u64(..8_000)), outcome)
    });
    let ends = Arc::clone(&ran);
    let inner = tower::service_fn(move |ask: Ask| {
        let (ends, call) = (Arc::clone(&ends), inner.clone().oneshot(ask));
        async move {
            let outcome = call.await;
            if outcome.is_ok() {
                ends.lock().unwrap().entry(ask.0.unwrap()).or_default().push(Instant::now());
            }
            outcome
        }
    });
    let service = IdempotencyLayer::new().key_by(ByKey).store(Memory::new().ttl(TTL)).layer(inner);
    let (mut calls, mut handles) = (JoinSet::new(), Vec::<AbortHandle>::new());
    for event in events {
        match event {
            Event::Call(key) => handles.push(calls.spawn(service.clone().oneshot(Ask(Some(KEYS[key]), 1)))),
            Event::Abort(call) if call < handles.len() => handles[call].abort(),
            Event::Abort(_) => {}
            Event::Pass(millis) => tokio::time::sleep(Duration::from_millis(millis)).await,
        }
    }
    let mut outcomes = Vec::new();
    while let Some(outcome) = calls.join_next().await {
        outcomes.extend(outcome.ok());
    }
    (ran, outcomes)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn no_more_than_one_success_for_each_key_and_time(events in events(), seed in any::<u64>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (ran, outcomes) = runtime.block_on(play(events, seed));
        for (key, ends) in ran.lock().unwrap().iter() {
            for pair in ends.windows(2) {
                prop_assert!(pair[1] - pair[0] >= TTL, "{} ran twice: {:?} apart", key, pair[1] - pair[0]);
            }
        }
        for outcome in outcomes {
            if let Err(Failed::Refused(refused)) = outcome {
                prop_assert!(refused.to_string().contains("failed: unavailable"), "{}", refused);
            }
        }
    }
}
