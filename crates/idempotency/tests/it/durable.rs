//! Records in a file: what the next process finds.

use std::{
    fs::OpenOptions,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use futures_util::{FutureExt, future::join_all};
use mainstay_fault::{Fault, FaultKind, HasFault};
use mainstay_idempotency::{
    Asked, Claimed, Fingerprint, IdempotencyLayer, Json, Kept, KeyOf, Memory, Redb, Refused, Store,
    StoreError,
};
use mainstay_testkit::{Record, Step, script};
use tempfile::TempDir;
use tower::{Layer, Service, ServiceExt};

use crate::support::{Ask, Failed};

const SECOND: Duration = Duration::from_secs(1);

/// As `ByKey`; and whose payload is 99 may run anew.
#[derive(Clone, Copy, Debug)]
struct Daring;

impl KeyOf<Ask> for Daring {
    fn key<'a>(&self, ask: &'a Ask) -> Option<&'a str> {
        ask.0
    }

    fn fingerprint(&self, ask: &Ask) -> Fingerprint {
        Fingerprint::new(u128::from(ask.1 % 90))
    }

    fn retries_unknown(&self, ask: &Ask) -> bool {
        ask.1 >= 90
    }
}

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.redb");
    (folder, path)
}

/// A process: a service over the file, and what it ran.
fn process(
    file: &Redb,
    wait: Duration,
) -> (impl Service<Ask, Response = u32, Error = Failed, Future: Send> + Clone + use<>, Record<Ask>) {
    let (inner, record) = script(move |_, ask: &Ask| {
        let outcome =
            if ask.1 == 7 { Err(Failed::Inner(FaultKind::InvalidRequest)) } else { Ok(ask.1 + 100) };
        Step::After(wait, outcome)
    });
    let keeps = |fault: &Fault| fault.kind == FaultKind::InvalidRequest;
    let store = Memory::new().ttl(60 * SECOND).keeping_faults(keeps).backed_by(file.clone());
    let layer = IdempotencyLayer::new().key_by(Daring).store(store);
    (layer.layer(inner).map_response(mainstay_idempotency::Answer::into_inner), record)
}

/// Leaves a claim without an end behind, as a process does that is killed.
async fn cut_off(path: &Path, key: &str) {
    let file = Redb::open(path).unwrap();
    let claimed: Claimed<u32> = file.claim(Asked::new(key, Fingerprint::new(1))).await.unwrap();
    // The claim's drop comes too late: the file is closed by then.
    file.close().await;
    assert!(matches!(claimed, Claimed::Run(_)));
}

#[tokio::test]
async fn the_next_process_replays_what_this_one_answered() {
    let (_folder, path) = folder();
    for calls in [1, 0] {
        let file = Redb::open(&path).unwrap();
        let (service, record) = process(&file, Duration::ZERO);
        assert_eq!(service.clone().oneshot(Ask(Some("a"), 1)).await.unwrap(), 101);
        let conflict = service.clone().oneshot(Ask(Some("a"), 2)).await.unwrap_err();
        assert_eq!(conflict, Failed::Refused(Refused::CONFLICT));
        assert_eq!(record.calls(), calls);
        let failed = service.oneshot(Ask(Some("fails"), 7)).await.unwrap_err();
        assert_eq!((failed.fault().kind, record.calls()), (FaultKind::InvalidRequest, 2 * calls));
        file.close().await;
    }
}

#[tokio::test]
async fn new_keys_do_not_keep_a_file_open_that_is_to_be_closed() {
    let (_folder, path) = folder();
    let file = Redb::open(&path).unwrap();
    let claim = |key| Store::<u32>::claim(&file, Asked::new(key, Fingerprint::new(1)));
    let (before, (), after) = tokio::join!(claim("before"), file.clone().close(), claim("after"));
    assert!(matches!(before, Ok(Claimed::Run(_))), "what was asked before is written");
    assert!(after.is_err(), "and what comes later is not waited for");
}

#[tokio::test]
async fn an_execution_that_was_cut_off_is_an_unknown_outcome() {
    let (_folder, path) = folder();
    cut_off(&path, "a").await;
    let file = Redb::open(&path).unwrap();
    let (service, record) = process(&file, Duration::ZERO);
    let Failed::Refused(refused) = service.clone().oneshot(Ask(Some("a"), 1)).await.unwrap_err() else {
        panic!("it is refused");
    };
    assert!(refused.unknown_since().is_some());
    assert!(refused.to_string().contains("its outcome is unknown"), "{refused}");
    assert_eq!((refused.fault().kind, record.calls()), (FaultKind::Interrupted, 0));
    assert_eq!(service.clone().oneshot(Ask(Some("a"), 91)).await.unwrap(), 191, "asked to, it runs anew");
    assert_eq!(service.oneshot(Ask(Some("a"), 1)).await.unwrap(), 191, "and its answer is kept");
    assert_eq!(record.calls(), 1);
}

#[tokio::test]
async fn who_may_run_anew_does_so_though_he_waited_for_one_who_may_not() {
    let (_folder, path) = folder();
    cut_off(&path, "a").await;
    let file = Redb::open(&path).unwrap();
    let (service, record) = process(&file, Duration::ZERO);
    let calls = [1, 91, 91].map(|payload| service.clone().oneshot(Ask(Some("a"), payload)));
    let [leader, anew, again] = join_all(calls).await.try_into().unwrap();
    let Failed::Refused(refused) = leader.unwrap_err() else { panic!("it is refused") };
    assert!(refused.unknown_since().is_some());
    assert_eq!((anew, again), (Ok(191), Ok(191)));
    assert_eq!(record.calls(), 1);
}

#[tokio::test]
async fn many_at_once_are_run_once_each() {
    let (_folder, path) = folder();
    let file = Redb::open(&path).unwrap();
    let (service, record) = process(&file, Duration::ZERO);
    let keys = ["a", "b", "c", "d"];
    let calls = (0..64).map(|n| service.clone().oneshot(Ask(Some(keys[n % 4]), 1)));
    assert!(join_all(calls).await.iter().all(|answer| *answer.as_ref().unwrap() == 101));
    assert_eq!(record.calls(), 4);
}

#[tokio::test]
async fn two_stacks_over_one_file_share_an_execution() {
    let (_folder, path) = folder();
    let file = Redb::open(&path).unwrap();
    let (one, ran) = process(&file, 20 * Duration::from_millis(1));
    let (other, not_ran) = process(&file, Duration::ZERO);
    let mut first = Box::pin(one.oneshot(Ask(Some("a"), 1)));
    while ran.calls() == 0 {
        assert!(first.as_mut().now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    let (first, second) = tokio::join!(first, other.oneshot(Ask(Some("a"), 1)));
    assert_eq!((first.unwrap(), second.unwrap()), (101, 101));
    assert_eq!((ran.calls(), not_ran.calls()), (1, 0));
}

#[tokio::test]
async fn who_waits_for_an_execution_asks_the_file_again_when_that_has_ended_and_not_before() {
    let (_folder, path) = folder();
    let file = Redb::open(&path).unwrap();
    let asked = |key: &str| Asked::new(key, Fingerprint::new(1));
    let claim = |key: &str| Store::<u32>::claim(&file, asked(key));
    let Claimed::Run(running) = claim("a").await.unwrap() else { panic!("the key is new") };

    let (mut waiting, polls) = (claim("a"), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&polls);
    let waiting = tokio::spawn(std::future::poll_fn(move |cx| {
        counted.fetch_add(1, Relaxed);
        waiting.as_mut().poll(cx)
    }));
    for key in 0..20 {
        let Claimed::Run(other) = claim(&key.to_string()).await.unwrap() else { panic!("the key is new") };
        other.keep(&Kept::Answered(7)).await.unwrap();
    }
    running.keep(&Kept::Answered(1)).await.unwrap();
    assert!(matches!(waiting.await.unwrap().unwrap(), Claimed::Ended(Kept::Answered(1), _)));
    assert!(polls.load(Relaxed) < 10, "{polls:?} polls");
}

#[tokio::test]
async fn an_answer_that_the_file_does_not_take_is_unknown_to_others_of_the_process() {
    let (_folder, path) = folder();
    let file = Redb::open(&path).unwrap().max_bytes(2);
    let claim = |daring: bool| {
        let mut asked = Asked::new("a", Fingerprint::new(1));
        asked.retry_unknown = daring;
        Store::<u32>::claim(&file, asked)
    };
    let Claimed::Run(running) = claim(false).await.unwrap() else { panic!("the key is new") };
    running.keep(&Kept::Answered(12_345)).await.unwrap_err();
    assert!(matches!(claim(false).await.unwrap(), Claimed::Unknown(_)), "nobody waits for it");
    assert!(matches!(claim(true).await.unwrap(), Claimed::Run(_)), "who dares runs it anew");
}

#[tokio::test]
async fn whoever_leaves_frees_the_key_in_the_file_too() {
    let (_folder, path) = folder();
    let file = Redb::open(&path).unwrap();
    let (service, record) = process(&file, 600 * SECOND);
    let mut leaver = Box::pin(service.oneshot(Ask(Some("a"), 1)));
    while record.calls() == 0 {
        assert!(leaver.as_mut().now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    drop(leaver);
    file.close().await;
    let file = Redb::open(&path).unwrap();
    let (service, record) = process(&file, Duration::ZERO);
    assert_eq!(service.oneshot(Ask(Some("a"), 1)).await.unwrap(), 101);
    assert_eq!(record.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_record_expires_and_a_full_file_refuses() {
    let (_folder, path) = folder();
    let file = Redb::open(&path).unwrap().capacity(2);
    let (service, record) = process(&file, Duration::ZERO);
    for key in ["a", "b"] {
        service.clone().oneshot(Ask(Some(key), 1)).await.unwrap();
    }
    let full = service.clone().oneshot(Ask(Some("c"), 1)).await.unwrap_err();
    assert_eq!((full, record.calls()), (Failed::Refused(Refused::FULL), 2));
    tokio::time::advance(61 * SECOND).await;
    service.clone().oneshot(Ask(Some("c"), 1)).await.unwrap();
    service.oneshot(Ask(Some("a"), 2)).await.unwrap();
    assert_eq!(record.calls(), 4);
}

#[tokio::test]
async fn a_file_belongs_to_one_at_a_time() {
    let (_folder, path) = folder();
    let file = Redb::open(&path).unwrap();
    let error = Redb::open(&path).unwrap_err();
    assert!(matches!(error, StoreError::InUse { .. }), "{error}");
    let (service, record) = process(&file, Duration::ZERO);
    file.close().await;
    Redb::open(&path).unwrap();
    let Failed::Refused(refused) = service.oneshot(Ask(Some("a"), 1)).await.unwrap_err() else {
        panic!("what cannot be claimed does not run");
    };
    assert_eq!((refused.fault().kind, record.calls()), (FaultKind::Shed, 0));
}

#[tokio::test]
async fn an_answer_of_another_version_or_too_large_is_no_answer() {
    let (_folder, path) = folder();
    let old = Redb::open(&path).unwrap();
    process(&old, Duration::ZERO).0.oneshot(Ask(Some("a"), 1)).await.unwrap();
    old.close().await;
    let new = Redb::open(&path).unwrap().codec(Json::version(2)).max_bytes(2);
    let store = Memory::new().backed_by(new.clone());
    let (inner, record) = script(|_, _: &Ask| Step::Now(Ok::<_, Failed>(12_345_u32)));
    let service = IdempotencyLayer::new().key_by(Daring).store(store).layer(inner);
    let Failed::Refused(refused) = service.clone().oneshot(Ask(Some("a"), 1)).await.unwrap_err() else {
        panic!("it is refused");
    };
    let cause = std::error::Error::source(&refused).and_then(std::error::Error::source).unwrap();
    assert_eq!(
        cause.to_string(),
        "the record of the key \"a\" holds an answer of version 0; this program reads 2"
    );
    assert_eq!(record.calls(), 0);
    // It had its effect, so it is handed out; the file cannot say what it was.
    assert_eq!(*service.clone().oneshot(Ask(Some("b"), 1)).await.unwrap(), 12_345);
    drop(service);
    new.close().await;
    let file = Redb::open(&path).unwrap();
    let claimed: Claimed<u32> = file.claim(Asked::new("b", Fingerprint::new(1))).await.unwrap();
    assert!(matches!(claimed, Claimed::Unknown(_)));
}

#[test]
fn foreign_torn_and_empty_files_are_errors_and_left_alone() {
    let (_folder, path) = folder();
    for content in [b"".as_slice(), b"{\"not\": \"ours\"}", &[0; 8192]] {
        std::fs::write(&path, content).unwrap();
        let error = Redb::open(&path).unwrap_err();
        assert!(matches!(error, StoreError::Foreign { .. }), "{error:?}");
        assert_eq!(std::fs::read(&path).unwrap(), content, "{error}");
    }
    let other = path.with_extension("other");
    let database = redb::Database::create(&other).unwrap();
    drop(database);
    assert!(matches!(Redb::open(&other).unwrap_err(), StoreError::Foreign { .. }), "another program's");
    let folder = Redb::open(path.parent().unwrap()).unwrap_err();
    assert!(matches!(folder, StoreError::Unavailable(_)), "{folder:?}");
}

#[tokio::test]
async fn no_damage_is_taken_for_nothing() {
    let (_folder, path) = folder();
    let file = Redb::open(&path).unwrap();
    let (service, _) = process(&file, Duration::ZERO);
    for key in ["a", "b", "c", "d"] {
        service.clone().oneshot(Ask(Some(key), 1)).await.unwrap();
    }
    drop(service);
    file.close().await;
    let whole = std::fs::read(&path).unwrap();
    let mut rng = fastrand::Rng::with_seed(7);
    for round in 0..60 {
        std::fs::write(&path, &whole).unwrap();
        let torn = OpenOptions::new().write(true).open(&path).unwrap();
        if round % 2 == 0 {
            torn.set_len(rng.u64(1..whole.len() as u64)).unwrap();
        } else {
            let noise: Vec<u8> = (0..64).map(|_| rng.u8(..)).collect();
            torn.write_all_at(&noise, rng.u64(0..whole.len() as u64 - 64)).unwrap();
        }
        drop(torn);
        // Either it is refused, or what was recorded is there.
        let Ok(file) = Redb::open(&path) else { continue };
        let (service, record) = process(&file, Duration::ZERO);
        for key in ["a", "b", "c", "d"] {
            let _ = service.clone().oneshot(Ask(Some(key), 1)).await;
        }
        assert_eq!(record.calls(), 0, "round {round}");
        file.close().await;
    }
}
