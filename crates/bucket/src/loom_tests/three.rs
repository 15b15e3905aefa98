//! Three threads, the third on the place of the first.

use std::sync::atomic::Ordering::Relaxed;

use loom::sync::{Arc, atomic::AtomicBool};

use super::{CAPACITY, PLACE, bell, beside, bucket, drained, explore, join, left, taken};
use crate::{clock::Frozen, core::Core, queue::Queue, stash::Stash};

const PREEMPTIONS: usize = 2;

fn at_once<A: 'static, B: 'static, D>(
    core: &Arc<Core<Frozen>>,
    here: impl FnOnce(&Core<Frozen>) -> D,
    second: impl FnOnce(&Core<Frozen>) -> A + 'static,
    third: impl FnOnce(&Core<Frozen>) -> B + 'static,
) -> (D, A, B) {
    let (a, b) = (Arc::clone(core), Arc::clone(core));
    let (a, b) = (beside(1, move || second(&a)), beside(2, move || third(&b)));
    (here(core), a.join().unwrap(), b.join().unwrap())
}

#[test]
fn loom_three_take_what_is_there_once() {
    explore("three takings", PREEMPTIONS, || {
        let core = bucket(Stash::new(CAPACITY));
        core.try_take(2 * PLACE).unwrap();
        let taken = at_once(&core, |core| taken(core, 2), |core| taken(core, 1), |core| taken(core, 2));
        assert_eq!((taken, left(&core)), ((2, 1, 2), CAPACITY - 2 * PLACE - 5));
    });
}

#[test]
fn loom_two_fill_while_a_third_closes() {
    explore("two fill, one closes", PREEMPTIONS, || {
        let core = bucket(Stash::new(CAPACITY));
        core.try_take(2 * PLACE).unwrap();
        let (a, (), b) =
            at_once(&core, |core| taken(core, 2), |core| core.locked(|_| ()), |core| taken(core, 1));
        assert_eq!((a, b, left(&core)), (2, 1, CAPACITY - 2 * PLACE - 3));
    });
}

#[test]
fn loom_who_takes_from_a_place_sees_what_was_done_before_it_was_filled() {
    explore("refund, filling, taking", PREEMPTIONS, || {
        let core = bucket(Stash::compact(CAPACITY));
        core.try_take(CAPACITY).unwrap();
        let done = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&done);
        at_once(
            &core,
            |core| {
                done.store(true, Relaxed);
                core.refund(CAPACITY / 2);
            },
            |core| taken(core, 2),
            move |core| assert!(taken(core, 2) == 0 || seen.load(Relaxed), "not seen"),
        );
    });
}

#[test]
fn loom_a_refund_and_a_taking_beside_who_joins() {
    explore("refund, taking, joining", PREEMPTIONS, || {
        let core = drained();
        core.try_take(2).unwrap();
        let (bell, waker) = bell();
        let known = waker.clone();
        let ((), turn, small) = at_once(
            &core,
            |core| core.refund(2),
            move |core| join(core, PLACE).filter(|turn| core.fetch(*turn, &known).is_err()),
            |core| taken(core, 1),
        );
        if small == 0 && turn.is_some() {
            assert!(bell.rang(), "sleeps for ever");
        }
        if let Some(turn) = turn {
            core.refund(small);
            core.fetch(turn, &waker).unwrap();
        } else {
            core.refund(small);
            assert_eq!(small, 0, "nothing was left for it");
        }
        core.try_take(1).unwrap_err();
    });
}

#[test]
fn loom_two_refunds_serve_two_waiters_in_their_order() {
    explore("two refunds, one leaves", PREEMPTIONS, || {
        let core = Arc::new(Core::semaphore(3));
        core.try_take(3).unwrap();
        let (bell, waker) = bell();
        let (first, second) = (join(&core, 2).unwrap(), join(&core, 2).unwrap());
        core.fetch(second, &waker).unwrap_err();
        at_once(&core, move |core| core.leave(first), |core| core.refund(1), |core| core.refund(1));
        assert!(bell.rang(), "sleeps for ever");
        core.fetch(second, &waker).unwrap();
        assert_eq!((core.waiting(), left(&core)), (0, 0));
    });
}
