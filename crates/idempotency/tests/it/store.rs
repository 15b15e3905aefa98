use std::{sync::Arc, time::Duration};

use mainstay_idempotency::{
    Claimed, Fingerprint, IdempotencyLayer, Kept, Memory, Refused, WhenFull, key_of, new_key,
};
use mainstay_testkit::{Step, script};
use proptest::prelude::*;
use serde_json::{Value, json};
use tower::{Layer, ServiceExt};

use crate::support::{Ask, ByKey, Failed};

const KEYS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

#[tokio::test(start_paused = true)]
async fn a_record_stays_until_its_time_is_up_and_no_longer() {
    let (inner, record) = script(|n, _: &Ask| Step::Now(Ok::<_, Failed>(n)));
    let store = Memory::new().ttl(Duration::from_secs(60));
    let service = IdempotencyLayer::new().key_by(ByKey).store(store.clone()).layer(inner);
    for (advance, calls) in [(0, 1), (59, 1), (1, 2), (59, 2), (2, 3)] {
        tokio::time::advance(Duration::from_secs(advance)).await;
        service.clone().oneshot(Ask(Some("a"), 1)).await.unwrap();
        assert_eq!(record.calls(), calls);
    }
    tokio::time::advance(Duration::from_secs(61)).await;
    assert!(service.clone().oneshot(Ask(Some("a"), 2)).await.is_ok(), "an expired record is no conflict");
    assert_eq!(store.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn no_record_is_dropped_to_make_room() {
    let (inner, record) = script(|n, _: &Ask| Step::Now(Ok::<_, Failed>(n)));
    let store = Memory::new().capacity(3).ttl(Duration::from_secs(60));
    let layer = IdempotencyLayer::new().key_by(ByKey).store(store.clone());
    let service = layer.layer(inner.clone());
    for key in &KEYS[..3] {
        service.clone().oneshot(Ask(Some(key), 1)).await.unwrap();
    }
    let refused = service.clone().oneshot(Ask(Some("d"), 1)).await.unwrap_err();
    assert_eq!((refused, record.calls()), (Failed::Refused(Refused::FULL), 3));
    assert!(service.clone().oneshot(Ask(Some("a"), 1)).await.unwrap().replayed().is_some());
    let runs = layer.when_full(WhenFull::RunUnrecorded).layer(inner);
    assert!(runs.clone().oneshot(Ask(Some("d"), 1)).await.unwrap().replayed().is_none());
    assert!(runs.oneshot(Ask(Some("d"), 1)).await.unwrap().replayed().is_none());
    tokio::time::advance(Duration::from_secs(60)).await;
    service.oneshot(Ask(Some("d"), 1)).await.unwrap();
    assert_eq!(store.len(), 1, "what had expired was removed on the way");
}

#[tokio::test(start_paused = true)]
async fn bytes_are_counted_and_given_back() {
    let (inner, _) = script(|_, ask: &Ask| Step::Now(Ok::<_, Failed>(Arc::new(vec![0_u8; ask.1 as usize]))));
    let store =
        Memory::new().ttl(Duration::from_secs(60)).capacity_bytes(100, |bytes: &Arc<Vec<u8>>| bytes.len());
    let service = IdempotencyLayer::new().key_by(ByKey).store(store).layer(inner);
    let first = service.clone().oneshot(Ask(Some("a"), 70)).await.unwrap();
    let again = service.clone().oneshot(Ask(Some("a"), 70)).await.unwrap();
    assert!(Arc::ptr_eq(&first, &again), "shared, not copied");
    service.clone().oneshot(Ask(Some("b"), 40)).await.unwrap();
    assert_eq!(service.clone().oneshot(Ask(Some("c"), 1)).await.unwrap_err(), Failed::Refused(Refused::FULL));
    tokio::time::advance(Duration::from_secs(60)).await;
    assert!(service.oneshot(Ask(Some("c"), 1)).await.is_ok());
}

#[test]
fn a_record_takes_some_two_hundred_bytes_besides_its_answer() {
    const KEYS: usize = 10_000;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let (answer, store) = (Arc::new(()), Memory::new());
    let layer = IdempotencyLayer::new().key(|key: &Arc<str>| Some(&**key)).store(store.clone());
    let service =
        layer.layer(tower::service_fn(move |_| std::future::ready(Ok::<_, Failed>(Arc::clone(&answer)))));
    let used = allocation_counter::measure(|| {
        for _ in 0..KEYS {
            runtime.block_on(service.clone().oneshot(new_key())).unwrap();
        }
    });
    let each = used.bytes_current / i64::try_from(KEYS).unwrap();
    assert_eq!(store.len(), KEYS);
    // A key of 36 bytes; tables that double are half empty at worst.
    assert!((150..330).contains(&each), "{each} bytes");
}

#[test]
fn new_keys_are_new() {
    assert_ne!(new_key(), new_key());
    assert_eq!(new_key().len(), 36);
}

#[test]
fn the_canonical_form_does_not_change() {
    let request = json!({"b": [1, 2.5, null, true], "a": {"z": "ä\n", "y": {}}});
    assert_eq!(key_of(&request).unwrap(), "a7f20d561a078b97312f8a94c13a752088816886651e9d5c328b617cf0ee4c8d");
}

proptest! {
    #[test]
    fn the_order_of_fields_does_not_matter(fields in proptest::collection::btree_map("[a-z]{1,4}", any::<i64>(), 0..8)) {
        let forward: Value = fields.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        let backward: Value = fields.iter().rev().map(|(name, value)| (name.clone(), json!(value))).collect();
        prop_assert_eq!(key_of(&forward).unwrap(), key_of(&backward).unwrap());
        let changed = json!({"fields": forward});
        prop_assert_ne!(Fingerprint::of(&forward).unwrap(), Fingerprint::of(&changed).unwrap());
    }
}

#[test]
fn what_a_store_says_can_be_shown() {
    let ended = Claimed::Ended(Kept::Answered(7), Duration::from_secs(1));
    assert_eq!(format!("{ended:?}, {:?}", Claimed::<u32>::Full), "Ended(Answered(7), 1s), Full");
}
