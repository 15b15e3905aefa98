use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use mainstay_bucket::{
    Idle, Keyed, KeyedBuckets, KeyedError, KeyedLimits, Limit, Limited, Limits, Rate, RateLimitLayer, Reason,
    TooManyKeys, by_key,
};
use tokio::time::advance;
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};

fn buckets(most: usize) -> KeyedBuckets<String> {
    KeyedBuckets::new(10, Rate::per_second(1.0).unwrap()).unwrap().max_keys(most)
}

#[tokio::test(start_paused = true)]
async fn each_key_has_a_bucket_of_its_own() {
    let buckets = buckets(100);
    buckets.try_acquire("ada", 10).unwrap();
    buckets.try_acquire("ada", 1).unwrap_err();
    buckets.try_acquire("grace", 10).unwrap();
    let ada = buckets.get("ada").unwrap();
    assert_eq!(ada.acquire(3).await.unwrap().as_secs(), 3);
    buckets.try_acquire("ada", 1).unwrap_err();
    assert_eq!(buckets.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn idle_keys_are_forgotten_and_others_are_not() {
    let buckets = buckets(1_000);
    let held = buckets.get("held").unwrap();
    for key in 0..100 {
        buckets.try_acquire(&format!("old {key}"), 1).unwrap();
    }
    assert_eq!(buckets.len(), 101, "none of them is full");
    advance(Duration::from_secs(12)).await;
    buckets.try_acquire("empty", 10).unwrap();
    for key in 0..60 {
        buckets.try_acquire(&format!("new {key}"), 1).unwrap();
    }
    assert_eq!(buckets.len(), 62);
    held.try_acquire(10).unwrap();
    for key in ["held", "empty"] {
        buckets.try_acquire(key, 5).unwrap_err();
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_removed_begins_anew_and_leaves_its_room() {
    let buckets = buckets(2);
    buckets.try_acquire("grace", 1).unwrap();
    for _ in 0..10 {
        buckets.try_acquire("ada", 10).unwrap();
        let old = buckets.remove("ada").unwrap();
        assert_eq!((old.available(), buckets.len()), (0, 1));
    }
    assert!(buckets.remove("ada").is_none());
    buckets.try_acquire("alan", 1).unwrap();
    assert_eq!(buckets.try_acquire("ada", 1), Err(TooManyKeys { most: 2 }.into()));
}

#[tokio::test(start_paused = true)]
async fn a_bucket_from_whose_place_was_taken_is_not_forgotten_as_full() {
    let buckets = KeyedBuckets::<String>::new(1_024, Rate::per_second(10.0).unwrap()).unwrap();
    buckets.try_acquire("ada", 1).unwrap();
    advance(Duration::from_secs(60)).await;
    // The balance is full for long, and these lay in the place.
    (0..4).for_each(|_| buckets.try_acquire("ada", 16).unwrap());
    buckets.try_acquire("grace", 1).unwrap();
    buckets.try_acquire("ada", 1_000).unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_new_key_is_refused_when_all_known_ones_are_in_use() {
    let buckets = buckets(100);
    for key in 0..100 {
        buckets.try_acquire(&format!("{key}"), 1).unwrap();
    }
    let full = TooManyKeys { most: 100 };
    assert_eq!(buckets.try_acquire("one more", 1), Err(KeyedError::TooManyKeys(full)));
    assert_eq!(
        buckets.get("one more").unwrap_err().to_string(),
        "100 keys are in use, which is as many as may be"
    );
    buckets.try_acquire("7", 1).unwrap();
    advance(Duration::from_secs(2)).await;
    buckets.try_acquire("one more", 1).unwrap();
    assert!(buckets.len() <= 100);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_was_paused_is_forgotten_when_the_pause_is_over() {
    let (pause, over) = (Duration::from_millis(1), Duration::from_millis(50));
    let buckets = buckets(100);
    let limits = KeyedLimits::with(|_: &String| {
        Arc::new(Limits::default().requests_per_minute(60).unwrap().tokens_per_minute(600).unwrap())
    });
    let limits = limits.max_keys(100);
    for key in (0..100).map(|key: u8| key.to_string()) {
        buckets.get(&key).unwrap().pause(pause);
        limits.get(&key).unwrap().pause(pause);
    }
    assert_eq!(limits.get("one more").unwrap_err(), TooManyKeys { most: 100 });
    buckets.get("one more").unwrap_err();
    advance(over).await;
    buckets.try_acquire("one more", 1).unwrap();
    assert!(limits.get("one more").unwrap().try_reserve(600).is_some());
}

#[test]
fn a_new_key_looks_at_a_few_others_and_a_known_one_at_none() {
    #[derive(Clone)]
    struct Busy(Arc<AtomicUsize>);
    impl Idle for Busy {
        fn idle_for(&self) -> Option<Duration> {
            self.0.fetch_add(1, Relaxed);
            None
        }
    }
    let looks = Arc::new(AtomicUsize::new(0));
    let busy = Busy(Arc::clone(&looks));
    let keyed = Keyed::<u64, Busy>::with(move |_| busy.clone()).max_keys(1_001);
    for key in 0..1_000 {
        keyed.get(&key).unwrap();
    }
    for (key, most) in [(7, 0), (1_000, 4), (1_001, 64)] {
        looks.store(0, Relaxed);
        assert_eq!(keyed.get(&key).is_ok(), key <= 1_000);
        assert!(looks.load(Relaxed) <= most, "{looks:?}");
    }
}

#[test]
fn none_of_many_keys_is_lost_sight_of() {
    let buckets = KeyedBuckets::<u64>::new(10, Rate::per_second(1.0).unwrap()).unwrap().max_keys(1_000);
    for key in 0..200_000 {
        // Full, and so idle at once.
        buckets.try_acquire(&key, 0).unwrap();
        assert!(
            buckets.len() <= 1_000,
            "{} keys are known, of which some are never looked at",
            buckets.len()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_million_cold_keys_leave_no_trace() {
    let buckets = KeyedBuckets::<u64>::new(10, Rate::per_second(1.0).unwrap()).unwrap();
    for key in 0..1_000_000u64 {
        if key % 1_000 == 0 {
            advance(Duration::from_secs(1)).await;
        }
        buckets.try_acquire(&key, 1).unwrap();
        let hot = buckets.try_acquire(&u64::MAX, 1);
        assert!(hot.is_ok() || key > 9);
    }
    assert!(buckets.len() < 30_000, "{} keys are known", buckets.len());
}

#[test]
fn threads_that_bring_new_keys_keep_within_the_cap() {
    let buckets = KeyedBuckets::<u64>::new(10, Rate::new(1, Duration::from_secs(3_600)).unwrap())
        .unwrap()
        .max_keys(5_000);
    let bring = |from: u64| (0..4_000).filter(|key| buckets.try_acquire(&(from + key), 10).is_ok()).count();
    let taken = std::thread::scope(|scope| {
        // The threads meet at half of the keys.
        let threads = [scope.spawn(|| bring(0)), scope.spawn(|| bring(2_000))];
        threads.map(|thread| thread.join().unwrap())
    });
    assert_eq!((taken[0] + taken[1], buckets.len()), (5_000, 5_000), "each key is served once");
}

#[tokio::test(start_paused = true)]
async fn a_layer_limits_each_request_by_its_key() {
    let limits = KeyedLimits::with(|tenant: &String| {
        let requests = if tenant == "ada" { 2 } else { 1 };
        Arc::new(Limits::default().requests_per_minute(requests).unwrap())
    });
    let limiter = by_key(limits.max_keys(2), |tenant: &&'static str| *tenant);
    let layer = RateLimitLayer::with_limiter(limiter).max_wait(Duration::ZERO);
    let mut service = layer.layer(service_fn(|_: &'static str| async { Ok::<_, BoxError>(()) }));
    let mut outcomes = Vec::new();
    for tenant in ["ada", "ada", "ada", "grace", "grace", "joan"] {
        let outcome = service.ready().await.unwrap().call(tenant).await;
        outcomes.push(outcome.map_err(|error| *error.downcast::<Limited>().unwrap()));
    }
    let refused = |index: usize| outcomes[index].clone().unwrap_err();
    assert!([0, 1, 3].iter().all(|index| outcomes[*index].is_ok()));
    assert_eq!(refused(2).retry_after(), Some(Duration::from_secs(30)));
    assert_eq!(refused(4).retry_after(), Some(Duration::from_secs(60)));
    assert_eq!((refused(5).limit(), refused(5).reason()), (Limit::Keys, Reason::TooManyKeys));
}
