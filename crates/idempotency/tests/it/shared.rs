//! Records on a real server: what other processes find.

mod away;
mod cluster;
mod processes;

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use mainstay_fault::{Fault, FaultKind, HasFault};
use mainstay_idempotency::{
    Asked, Claimed, Fingerprint, Hold, IdempotencyLayer, Json, Kept, Memory, Redis, RedisError, RedisKeys,
    Refused, Store, StoreError,
};
use mainstay_testkit::{
    Record, Step,
    redis::{TestServer, eventually},
    script,
};
use tokio::{
    runtime::{Builder, Runtime},
    task::spawn_blocking,
    time::timeout,
};
use tower::{Layer, Service, ServiceExt};

use crate::support::{Ask, ByKey, Failed};

const HOUR: Duration = Duration::from_secs(3_600);

/// A server that may take its time, and is asked again soon.
fn keys(url: &str) -> RedisKeys {
    let redis = Redis::open(url).unwrap();
    RedisKeys::on(redis.timeout(Duration::from_secs(10)).retry_every(Duration::from_millis(20)))
}

/// A server that must answer at once.
fn hasty(url: &str) -> RedisKeys {
    let redis = Redis::open(url).unwrap();
    RedisKeys::on(redis.timeout(Duration::from_millis(200)).retry_every(Duration::from_millis(20)))
}

/// A process: a service over the server, and what it ran.
fn process(
    keys: RedisKeys,
    wait: Duration,
) -> (impl Service<Ask, Response = u32, Error = Failed, Future: Send> + Clone + use<>, Record<Ask>) {
    let (inner, record) = script(move |_, ask: &Ask| {
        let outcome =
            if ask.1 == 7 { Err(Failed::Inner(FaultKind::InvalidRequest)) } else { Ok(ask.1 + 100) };
        Step::After(wait, outcome)
    });
    let keeps = |fault: &Fault| fault.kind == FaultKind::InvalidRequest;
    let store = Memory::new().ttl(HOUR).keeping_faults(keeps).backed_by(keys);
    let layer = IdempotencyLayer::new().key_by(ByKey).store(store);
    (layer.layer(inner).map_response(mainstay_idempotency::Answer::into_inner), record)
}

async fn claim(keys: &RedisKeys, asked: Asked) -> Claimed<u32> {
    timeout(Duration::from_secs(30), keys.claim(asked)).await.expect("a claim hangs").unwrap()
}

fn asked(key: &str) -> Asked {
    Asked::new(key, Fingerprint::new(1))
}

fn daring(key: &str) -> Asked {
    let mut asked = asked(key);
    asked.retry_unknown = true;
    asked
}

async fn run(keys: &RedisKeys, asked: Asked) -> Box<dyn Hold<u32>> {
    match claim(keys, asked).await {
        Claimed::Run(hold) => hold,
        _ => panic!("it is not granted"),
    }
}

/// A process that stands still while it has a claim: nothing renews its lease.
struct Still {
    runtime: Runtime,
    held: Box<dyn Hold<u32>>,
}

// === impl Still ===

impl Still {
    async fn claims(url: &str, key: &'static str, lease: Duration) -> Self {
        let ours = keys(url).lease(lease);
        let start = move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            let held = runtime.block_on(run(&ours, asked(key)));
            Self { runtime, held }
        };
        spawn_blocking(start).await.unwrap()
    }

    async fn wakes_and_keeps(self, answer: u32) -> Result<(), StoreError> {
        let Self { runtime, held } = self;
        spawn_blocking(move || runtime.block_on(async { held.keep(&Kept::Answered(answer)).await }))
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn other_processes_replay_what_this_one_answered() {
    let Some(server) = TestServer::start(&[]).await else { return };
    for calls in [1, 0] {
        let (service, record) = process(keys(&server.url()), Duration::ZERO);
        assert_eq!(service.clone().oneshot(Ask(Some("a"), 1)).await.unwrap(), 101);
        let conflict = service.clone().oneshot(Ask(Some("a"), 2)).await.unwrap_err();
        assert_eq!(conflict, Failed::Refused(Refused::CONFLICT));
        assert_eq!(record.calls(), calls);
        let failed = service.oneshot(Ask(Some("fails"), 7)).await.unwrap_err();
        assert_eq!((failed.fault().kind, record.calls()), (FaultKind::InvalidRequest, 2 * calls));
    }
    let left: i64 = server.ask(&["PTTL", "mainstay:key:a"]).await;
    assert!((3_500_000..=3_600_000).contains(&left), "{left}");
}

#[tokio::test]
async fn one_key_runs_once_in_many_processes_at_the_same_time() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let processes: Vec<_> = (0..8).map(|_| process(keys(&server.url()), Duration::from_millis(30))).collect();
    let calls = (0..64).map(|n| processes[n % 8].0.clone().oneshot(Ask(Some(["a", "b"][n / 32]), 1)));
    assert!(join_all(calls).await.iter().all(|answer| *answer.as_ref().unwrap() == 101));
    assert_eq!(processes.iter().map(|(_, record)| record.calls()).sum::<usize>(), 2);
}

#[tokio::test]
async fn a_lease_is_renewed_for_as_long_as_the_execution_runs() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let lease = Duration::from_millis(300);
    let held = run(&keys(&server.url()).lease(lease), asked("a")).await;
    // Whoever waits does so far beyond the lease, and gets the answer.
    let other = keys(&server.url());
    let waits = tokio::spawn(async move { claim(&other, asked("a")).await });
    tokio::time::sleep(4 * lease).await;
    assert!(!waits.is_finished());
    held.keep(&Kept::Answered(5)).await.unwrap();
    assert!(matches!(waits.await.unwrap(), Claimed::Ended(Kept::Answered(5), _)));
}

#[tokio::test]
async fn an_execution_that_was_cut_off_is_an_unknown_outcome_and_never_overwrites_its_successor() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let lost = Still::claims(&server.url(), "a", Duration::from_millis(50)).await;
    let ours = keys(&server.url());
    assert!(matches!(claim(&ours, asked("a")).await, Claimed::Unknown(_)), "after its lease it is unknown");
    let successor = run(&ours, daring("a")).await;
    let error = lost.wakes_and_keeps(1).await.unwrap_err();
    assert!(matches!(error, StoreError::Lost { .. }), "{error}");
    successor.keep(&Kept::Answered(2)).await.unwrap();
    assert!(matches!(claim(&ours, asked("a")).await, Claimed::Ended(Kept::Answered(2), _)));
}

#[tokio::test]
async fn who_stood_still_beyond_his_lease_is_still_believed_if_nobody_took_over() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let late = Still::claims(&server.url(), "a", Duration::from_millis(1)).await;
    let ours = keys(&server.url());
    assert!(matches!(claim(&ours, asked("a")).await, Claimed::Unknown(_)));
    late.wakes_and_keeps(1).await.unwrap();
    assert!(matches!(claim(&ours, asked("a")).await, Claimed::Ended(Kept::Answered(1), _)));
}

#[tokio::test]
async fn a_claim_that_is_dropped_is_given_back() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let ours = keys(&server.url());
    drop(run(&ours, asked("a")).await);
    run(&keys(&server.url()), asked("a")).await.keep(&Kept::Answered(1)).await.unwrap();
    // One that is dropped while it is asked for, too.
    for _ in 0..20 {
        let _ = timeout(Duration::from_micros(300), Store::<u32>::claim(&ours, asked("b"))).await;
    }
    Store::<u32>::close(&ours).await.unwrap();
    eventually("all are given back", async || {
        (server.ask::<u64>(&["EXISTS", "mainstay:key:b"]).await == 0).then_some(())
    })
    .await;
    assert!(Store::<u32>::claim(&ours, asked("c")).await.is_err(), "closed, it claims nothing");
}

#[tokio::test]
async fn answers_have_a_version_and_a_largest_size() {
    let Some(server) = TestServer::start(&[]).await else { return };
    run(&keys(&server.url()), asked("a")).await.keep(&Kept::Answered(1)).await.unwrap();
    let newer = keys(&server.url()).codec(Json::version(2));
    let outcome = Store::<u32>::claim(&newer, asked("a")).await;
    assert!(matches!(outcome, Err(StoreError::OtherVersion { found: 0, reads: 2, .. })));
    let small = keys(&server.url()).max_bytes(3);
    let error = run(&small, asked("b")).await.keep(&Kept::Answered(1_000)).await.unwrap_err();
    assert!(matches!(error, StoreError::TooLarge { bytes: 4, most: 3, .. }), "{error}");
}

#[tokio::test]
async fn a_record_of_another_kind_is_an_error_and_stays() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let _: String = server.ask(&["SET", "mainstay:key:a", "mine"]).await;
    assert!(Store::<u32>::claim(&keys(&server.url()), asked("a")).await.is_err());
    assert_eq!(server.ask::<String>(&["GET", "mainstay:key:a"]).await, "mine");
    let words = ["HSET", "mainstay:key:b", "state", "strange", "fingerprint", &format!("{:032x}", 1)];
    let _: u64 = server.ask(&words).await;
    let outcome = Store::<u32>::claim(&keys(&server.url()), asked("b")).await;
    assert!(matches!(outcome, Err(StoreError::Damaged { .. })));
}

#[tokio::test]
async fn a_record_ends_with_its_time() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let ours = Arc::new(keys(&server.url()));
    let mut brief = asked("a");
    brief.ttl = Duration::from_millis(1);
    run(&ours, brief).await.keep(&Kept::Answered(1)).await.unwrap();
    eventually("it is forgotten", async || {
        (server.ask::<u64>(&["EXISTS", "mainstay:key:a"]).await == 0).then_some(())
    })
    .await;
    assert!(matches!(claim(&ours, asked("a")).await, Claimed::Run(_)));
}

#[tokio::test]
async fn a_record_may_be_kept_for_ever() {
    let Some(server) = TestServer::start(&[]).await else { return };
    let ours = keys(&server.url()).lease(Duration::MAX);
    let mut endless = asked("a");
    endless.ttl = Duration::MAX;
    run(&ours, endless.clone()).await.keep(&Kept::Answered(1)).await.unwrap();
    assert!(matches!(claim(&ours, endless).await, Claimed::Ended(Kept::Answered(1), _)));
    let left: i64 = server.ask(&["PTTL", "mainstay:key:a"]).await;
    assert!(left > 1 << 49, "{left}");
}

#[test]
fn an_address_that_is_none_is_an_error_that_has_a_name() {
    let error: RedisError = RedisKeys::connect("nowhere").unwrap_err();
    assert!(!error.to_string().is_empty());
}
