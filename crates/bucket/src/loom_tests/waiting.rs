//! Nobody passes who waits, and whose tokens come is woken.

use std::{
    sync::atomic::Ordering::{Acquire, Release},
    time::Duration,
};

use loom::sync::{Arc, atomic::AtomicBool};

use super::{CAPACITY, PLACE, bell, both, bucket, drained, join, left, model, taken};
use crate::{clock::Frozen, core::Core, price::Price, queue::Queue, stash::Stash};

#[test]
fn loom_nobody_passes_a_waiter() {
    model("passing", || {
        let core = drained();
        let joined = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&joined);
        let ((late, a), turn) = both(
            &core,
            |core| (seen.load(Acquire), taken(core, 1)),
            move |core| {
                let turn = join(core, PLACE + 1).unwrap();
                joined.store(true, Release);
                turn
            },
        );
        assert!(!(late && a > 0), "passed the waiter");
        core.try_take(1).unwrap_err();
        let (_, waker) = bell();
        core.fetch(turn, &waker).unwrap_err();
        core.refund(1 + a);
        core.fetch(turn, &waker).unwrap();
        assert_eq!(left(&core), 0);
    });
}

#[test]
fn loom_a_refund_wakes_who_joins() {
    model("joining", || {
        let core = Arc::new(Core::semaphore(1));
        core.try_take(1).unwrap();
        let (bell, waker) = bell();
        let known = waker.clone();
        let (turn, ()) = both(
            &core,
            move |core| join(core, 1).filter(|turn| core.fetch(*turn, &known).is_err()),
            |core| core.refund(1),
        );
        if let Some(turn) = turn {
            assert!(bell.rang(), "sleeps for ever");
            core.fetch(turn, &waker).unwrap();
        }
        core.try_take(1).unwrap_err();
        assert_eq!(core.waiting(), 0);
    });
}

#[test]
fn loom_a_refund_to_a_place_wakes_who_joins() {
    model("joining beside a place", || {
        let core = drained();
        core.try_take(2).unwrap();
        let (bell, waker) = bell();
        let known = waker.clone();
        let ((), turn) = both(
            &core,
            |core| core.refund(2),
            move |core| join(core, PLACE).filter(|turn| core.fetch(*turn, &known).is_err()),
        );
        if let Some(turn) = turn {
            assert!(bell.rang(), "sleeps for ever");
            core.fetch(turn, &waker).unwrap();
        }
        core.try_take(1).unwrap_err();
    });
}

/// The first of two waiters goes away while so many tokens come back; the other wants one.
fn hand_over(refund: u64) {
    let core = Arc::new(Core::semaphore(2));
    core.try_take(2).unwrap();
    let (bell, waker) = bell();
    let (first, second) = (join(&core, 2).unwrap(), join(&core, 1).unwrap());
    core.fetch(second, &waker).unwrap_err();
    both(&core, |core| core.leave(first), move |core| core.refund(refund));
    assert!(bell.rang(), "sleeps for ever");
    core.fetch(second, &waker).unwrap();
    core.fetch(second, &waker).unwrap_err();
    assert_eq!((core.waiting(), left(&core)), (0, refund - 1));
}

#[test]
fn loom_a_waiter_that_leaves_hands_over() {
    model("leaving while it waits", || hand_over(1));
    model("leaving when it is served", || hand_over(2));
}

#[test]
fn loom_one_refund_serves_all_for_whom_it_suffices() {
    model("one refund, two waiters", || {
        let core = Arc::new(Core::semaphore(2));
        core.try_take(2).unwrap();
        let first = join(&core, 1).unwrap();
        let (bell, waker) = bell();
        let known = waker.clone();
        let (turn, ()) = both(
            &core,
            move |core| join(core, 1).filter(|turn| core.fetch(*turn, &known).is_err()),
            |core| core.refund(2),
        );
        assert!(turn.is_none() || bell.rang(), "sleeps for ever");
        for turn in [Some(first), turn].into_iter().flatten() {
            core.fetch(turn, &waker).unwrap();
        }
        assert_eq!((core.waiting(), left(&core)), (0, 0));
    });
}

#[test]
fn loom_who_becomes_the_first_is_told_how_long_to_wait() {
    model("becoming the first", || {
        let price = Price::of(1, Duration::from_nanos(1)).unwrap();
        let core = Arc::new(Core::new(CAPACITY, price, Frozen, Stash::none()));
        core.try_take(CAPACITY).unwrap();
        let (first, second) = (join(&core, 8).unwrap(), join(&core, 4).unwrap());
        let (bell, waker) = bell();
        let (told, ()) =
            both(&core, |core| core.fetch(second, &waker).unwrap_err(), move |core| core.leave(first));
        let wait = Duration::from_nanos(4);
        assert!(told == Some(wait) || bell.rang(), "sleeps for ever");
        assert_eq!(core.fetch(second, &waker), Err(Some(wait)));
    });
}

#[test]
fn loom_who_joins_beside_a_filling_is_not_passed() {
    model("joining beside a filling", || {
        let core = bucket(Stash::new(CAPACITY));
        let (a, turn) = both(&core, |core| taken(core, 2), |core| join(core, CAPACITY));
        let Some(turn) = turn else { return assert_eq!((a, left(&core)), (0, 0)) };
        assert_eq!((a, core.stash.reach()), (2, 0), "a place was left open");
        core.try_take(1).unwrap_err();
        core.refund(2);
        core.fetch(turn, &bell().1).unwrap();
        assert_eq!(left(&core), 0);
    });
}

#[test]
fn loom_who_joins_beside_a_refilling_gets_what_lay_in_the_place() {
    model("joining beside a refilling", || {
        let core = bucket(Stash::new(CAPACITY));
        // Its place holds one token less than a taking wants.
        core.try_take(2).unwrap();
        (0..7).for_each(|_| core.try_take(1).unwrap());
        let (a, turn) = both(&core, |core| taken(core, 2), |core| join(core, CAPACITY - 9));
        match turn {
            None => assert_eq!((a, left(&core)), (0, 0)),
            Some(turn) => {
                core.try_take(1).unwrap_err();
                core.refund(a);
                core.fetch(turn, &bell().1).unwrap();
            }
        }
    });
}
