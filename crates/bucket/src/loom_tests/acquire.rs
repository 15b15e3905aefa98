//! The futures that wait: polled, dropped and handed to another task beside their grants.

use std::{pin::Pin, sync::Arc, task::Poll, time::Duration};

use super::{bell, beside, left, model, poll};
use crate::{Acquire, Rate, TokenBucket, clock::Frozen};

/// An empty bucket of four.
fn empty() -> Arc<TokenBucket<Frozen>> {
    let bucket = TokenBucket::with_clock(4, Rate::new(1, Duration::from_secs(1)).unwrap(), Frozen).unwrap();
    bucket.try_acquire(4).unwrap();
    Arc::new(bucket)
}

fn acquire(bucket: &TokenBucket<Frozen>, tokens: u64) -> Pin<Box<Acquire<'_, Frozen>>> {
    Box::pin(bucket.acquire(tokens))
}

#[test]
fn loom_an_acquire_is_ready_or_woken() {
    model("acquire", || {
        let bucket = empty();
        let other = Arc::clone(&bucket);
        let other = beside(1, move || other.refund(2));
        let (bell, waker) = bell();
        let mut acquire = acquire(&bucket, 2);
        let ready = poll(&mut acquire, &waker).is_ready();
        other.join().unwrap();
        if !ready {
            assert!(bell.rang(), "sleeps for ever");
            assert!(poll(&mut acquire, &waker).is_ready());
        }
        assert_eq!((left(bucket.core()), bucket.waiting()), (0, 0));
    });
}

#[test]
fn loom_an_acquire_rings_the_bell_of_the_task_that_polled_it_last() {
    model("another task", || {
        let bucket = empty();
        let mut acquire = acquire(&bucket, 2);
        assert!(poll(&mut acquire, &bell().1).is_pending());
        let other = Arc::clone(&bucket);
        let other = beside(1, move || other.refund(2));
        let (bell, waker) = bell();
        let ready = poll(&mut acquire, &waker).is_ready();
        other.join().unwrap();
        assert!(ready || bell.rang(), "sleeps for ever");
        assert!(ready || poll(&mut acquire, &waker).is_ready());
    });
}

/// The first of two is dropped beside a refund; the second is then served, or gets what the first would have.
fn dropped(refund: u64) {
    let bucket = empty();
    let (bell, waker) = bell();
    let (mut first, mut second) = (acquire(&bucket, 2), acquire(&bucket, 1));
    assert!(poll(&mut first, &waker).is_pending());
    assert!(poll(&mut second, &waker).is_pending());
    let other = Arc::clone(&bucket);
    let other = beside(1, move || other.refund(refund));
    drop(first);
    other.join().unwrap();
    assert!(bell.rang(), "sleeps for ever");
    assert_eq!(poll(&mut second, &waker), Poll::Ready(Ok(Duration::ZERO)));
    assert_eq!((left(bucket.core()), bucket.waiting()), (refund - 1, 0));
}

#[test]
fn loom_a_dropped_acquire_hands_over() {
    model("dropped while it waits", || dropped(1));
    model("dropped beside its grant", || dropped(2));
}

#[test]
fn loom_an_acquire_dropped_at_its_grant_gives_it_back() {
    model("dropped when it is served", || {
        let bucket = empty();
        let mut only = acquire(&bucket, 3);
        assert!(poll(&mut only, &bell().1).is_pending());
        let other = Arc::clone(&bucket);
        let other = beside(1, move || other.refund(3));
        drop(only);
        other.join().unwrap();
        assert_eq!((left(bucket.core()), bucket.waiting()), (3, 0));
    });
}
