use std::{future::Future, pin::pin};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use mainstay_bucket::{Rate, TokenBucket};
use tokio::time::{Instant, advance};

fn empty(capacity: u64, per_second: f64) -> TokenBucket {
    let bucket = TokenBucket::new(capacity, Rate::per_second(per_second).unwrap()).unwrap();
    bucket.try_acquire(capacity).unwrap();
    bucket
}

/// Starts a task that waits for tokens, and lets it take its place in line.
async fn queue(bucket: &TokenBucket, tokens: u64) -> tokio::task::JoinHandle<Duration> {
    let bucket = bucket.clone();
    let task = tokio::spawn(async move { bucket.acquire(tokens).await.unwrap() });
    tokio::task::yield_now().await;
    task
}

#[tokio::test(start_paused = true)]
async fn a_large_one_is_not_starved_by_many_small_ones() {
    let bucket = empty(1_000, 100.0);
    let large = queue(&bucket, 1_000).await;
    let small = queue(&bucket, 1).await;
    for _ in 0..100 {
        bucket.try_acquire(1).unwrap_err();
        advance(Duration::from_millis(50)).await;
    }
    assert_eq!(large.await.unwrap().as_millis(), 10_000);
    assert_eq!(small.await.unwrap().as_millis(), 10_010);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_waiter_leaves_no_hole() {
    let bucket = empty(1_000, 100.0);
    let large = queue(&bucket, 900).await;
    let middle = queue(&bucket, 500).await;
    let small = queue(&bucket, 10).await;
    middle.abort();
    large.abort();
    assert_eq!(small.await.unwrap().as_millis(), 100);
    assert_eq!(bucket.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_waiter_dropped_after_it_was_served_gives_its_tokens_back() {
    let bucket = empty(10, 1.0);
    {
        let mut first = pin!(bucket.acquire(5));
        assert!(first.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let mut second = pin!(bucket.acquire(1));
        assert!(second.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        bucket.refund(6);
        assert_eq!(bucket.waiting(), 0, "both are served");
    }
    assert_eq!(bucket.available(), 6);
}

#[tokio::test(start_paused = true)]
async fn refunds_charges_pauses_and_rates_reach_those_who_wait() {
    let bucket = empty(100, 1.0);
    let waiter = queue(&bucket, 10).await;
    bucket.refund(5);
    assert_eq!(waiter.await.unwrap().as_millis(), 5_000);

    let waiter = queue(&bucket, 10).await;
    bucket.charge(5);
    assert_eq!(waiter.await.unwrap().as_millis(), 15_000);

    let waiter = queue(&bucket, 10).await;
    bucket.set_rate(Rate::per_second(10.0).unwrap()).unwrap();
    assert_eq!(waiter.await.unwrap().as_millis(), 1_000);

    let waiter = queue(&bucket, 10).await;
    bucket.pause(Duration::from_secs(60));
    assert_eq!(waiter.await.unwrap().as_millis(), 60_000);
}

#[tokio::test(start_paused = true)]
async fn who_waits_long_sleeps_once() {
    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }
    let bucket = empty(100_000, 1.0);
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&count));
    let mut waiter = pin!(bucket.acquire(86_400));
    assert!(waiter.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    for _ in 0..23 {
        advance(Duration::from_secs(3_600)).await;
        bucket.try_acquire(1).unwrap_err();
    }
    assert_eq!(count.0.load(Relaxed), 0);
    advance(Duration::from_secs(3_600)).await;
    assert_eq!(count.0.load(Relaxed), 1);
    let Poll::Ready(time) = waiter.as_mut().poll(&mut Context::from_waker(&waker)) else {
        panic!("it is due")
    };
    assert_eq!(time.unwrap().as_secs(), 86_400);
}

#[tokio::test(start_paused = true)]
async fn many_waiters_are_served_in_order_and_at_the_rate() {
    let bucket = empty(1_000, 100.0);
    let start = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..500 {
        tasks.push(queue(&bucket, 10).await);
    }
    for (place, task) in (1..).zip(tasks) {
        assert_eq!(task.await.unwrap().as_millis(), place * 100);
    }
    assert_eq!(start.elapsed().as_secs(), 50);
}

#[tokio::test(start_paused = true)]
async fn a_moved_future_wakes_the_task_that_polled_it_last() {
    let bucket = empty(10, 1.0);
    let mut waiter = Box::pin(bucket.acquire(1));
    assert!(waiter.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!(waiter.await.unwrap().as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_was_served_is_not_counted_among_those_before() {
    let bucket = empty(100, 100.0);
    let [first, second] = [queue(&bucket, 50).await, queue(&bucket, 50).await];
    assert_eq!(first.await.unwrap().as_millis(), 500);
    // The second is before the newcomer, and the first no more.
    let error = bucket.try_acquire(50).unwrap_err();
    assert_eq!(error, mainstay_bucket::TryAcquireError::NotYet(Duration::from_secs(1)));
    assert_eq!(second.await.unwrap().as_millis(), 1_000);
}

#[tokio::test(start_paused = true)]
async fn who_went_away_is_not_counted_among_those_before() {
    let bucket = empty(100, 100.0);
    let [first, second] = [queue(&bucket, 50).await, queue(&bucket, 50).await];
    second.abort();
    tokio::task::yield_now().await;
    assert_eq!(bucket.try_acquire(50).unwrap_err().wait(), Some(Duration::from_secs(1)));
    first.await.unwrap();
}
