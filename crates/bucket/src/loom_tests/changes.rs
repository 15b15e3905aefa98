//! Pauses and new prices beside takings, refunds and charges.

use std::{
    sync::atomic::Ordering::{Acquire, Release, SeqCst},
    time::Duration,
};

use loom::sync::{Arc, atomic::AtomicBool};

use super::{CAPACITY, Hand, PLACE, both, bucket, drained, join, left, model, taken};
use crate::{Clock, clock::Frozen, core::Core, price::Price, queue::Queue, stash::Stash, sync::AtomicU64};

/// Half of [`Price::UNIT`] and twice that.
fn prices() -> [Price; 2] {
    let unit = Price::UNIT.bits();
    [unit / 2, unit * 2].map(Price::from_bits)
}

fn set_price<C: Clock>(core: &Core<C>, price: Price) {
    core.locked(|held| held.set_price(price));
}

/// What `act` does to the balance holds at either price: `change` is what it adds to the tokens.
fn beside_a_price(
    name: &str,
    stash: fn(u64) -> Stash,
    change: i64,
    act: impl Fn(&Core<Frozen>) + Copy + Send + Sync + 'static,
) {
    for price in prices() {
        model(name, move || {
            let core = bucket(stash(CAPACITY));
            core.try_take(4 * PLACE).unwrap();
            both(&core, act, move |core| set_price(core, price));
            core.locked(|_| ());
            assert_eq!(core.available(), i64::try_from(CAPACITY - 4 * PLACE).unwrap() + change);
        });
    }
}

#[test]
fn loom_a_new_price_changes_no_balance() {
    let none = |_| Stash::none();
    beside_a_price("taking at a new price", none, -2, |core| core.try_take(2).unwrap());
    beside_a_price("filling at a new price", Stash::new, -2, |core| core.try_take(2).unwrap());
    beside_a_price("refund at a new price", none, 2, |core| core.refund(2));
    beside_a_price("charge at a new price", none, -300, |core| core.charge(300));
}

#[test]
fn loom_a_new_price_of_a_full_bucket_takes_hold_of_takings_beside() {
    for price in prices() {
        model("a full bucket", move || {
            let core = bucket(Stash::none());
            let (a, ()) = both(&core, |core| taken(core, 4), move |core| set_price(core, price));
            assert_eq!((a, left(&core)), (4, CAPACITY - 4));
        });
    }
}

#[test]
fn loom_a_new_price_at_the_instant_at_which_it_is_full_takes_hold_too() {
    for price in prices() {
        model("full just now", move || {
            let core = Arc::new(Core::new(CAPACITY, Price::UNIT, Hand(AtomicU64::new(0)), Stash::none()));
            core.try_take(16).unwrap();
            core.clock().0.store(1, SeqCst);
            let (a, ()) = both(&core, |core| taken(core, 4), move |core| set_price(core, price));
            assert_eq!((a, left(&core)), (4, CAPACITY - 4));
        });
    }
}

#[test]
fn loom_a_new_price_that_moves_nothing_by_rounding_takes_hold_too() {
    let (capacity, many) = (1 << 16, 40_960);
    model("rounded", move || {
        let core = Arc::new(Core::new(capacity, Price::UNIT, Frozen, Stash::none()));
        core.try_take(4).unwrap();
        // What is missing, four ticks, is four ticks at this price too, and what is taken beside it ten fewer.
        let price = Price::from_bits(Price::UNIT.bits() - 1);
        let (a, ()) = both(&core, |core| taken(core, many), move |core| set_price(core, price));
        let lost = capacity - 4 - a - left(&core);
        assert!(
            a == many && lost <= 2,
            "{lost} beyond the tick that moves it, and the one by which it was rounded"
        );
    });
}

#[test]
fn loom_a_lower_capacity_takes_hold_of_takings_beside() {
    for stash in [|_| Stash::none(), Stash::new] {
        model("a lower capacity", move || {
            let core = bucket(stash(CAPACITY));
            let (a, ()) = both(
                &core,
                |core| taken(core, 2) + taken(core, 200),
                |core| core.locked(|held| held.resize(16)),
            );
            assert!(matches!(a, 2 | 202), "{a} taken");
            // What was taken before is of what there was before, and leaves sixteen; what was taken after is of these.
            assert!(matches!(left(&core), 14 | 16), "{} left", left(&core));
            core.try_take(1).unwrap();
            assert_eq!(core.stash.reach(), 0, "a place was opened");
        });
    }
}

#[test]
fn loom_what_is_taken_beside_other_numbers_is_gone_of_them() {
    for (stash, price) in [(Stash::new as fn(u64) -> Stash, Price::UNIT), (|_| Stash::none(), prices()[1])] {
        model("other numbers", move || {
            let core = bucket(stash(CAPACITY));
            let (a, ()) =
                both(&core, |core| taken(core, 2), move |core| core.locked(|held| held.replan(16, price)));
            assert_eq!((a, left(&core)), (2, 14));
        });
    }
}

#[test]
fn loom_permits_that_are_out_stay_out_when_there_are_fewer() {
    model("fewer permits", || {
        let core = Arc::new(Core::semaphore(3));
        core.try_take(1).unwrap();
        let (a, ()) = both(&core, |core| taken(core, 1) + taken(core, 1), |core| core.set_permits(2));
        assert_eq!(core.available(), 1 - i64::try_from(a).unwrap());
        core.refund(1 + a);
        assert!(a >= 1 && left(&core) == 2, "{a} taken");
    });
}

#[test]
fn loom_who_waits_beside_more_permits_is_served() {
    model("more permits", || {
        let core = Arc::new(Core::semaphore(1));
        core.try_take(1).unwrap();
        let (turn, ()) = both(&core, |core| join(core, 1), |core| core.set_permits(2));
        assert!(
            turn.is_none_or(|turn| core.fetch(turn, std::task::Waker::noop()).is_ok()),
            "sleeps for ever"
        );
        assert_eq!((core.waiting(), left(&core)), (0, 0));
    });
}

#[test]
fn loom_a_refund_beside_a_lower_capacity_exceeds_it_not() {
    model("refund to a lower capacity", || {
        let core = drained();
        core.try_take(4).unwrap();
        both(&core, |core| core.refund(2), |core| core.locked(|held| held.resize(4)));
        assert!(matches!(left(&core), 4), "{} left", left(&core));
        assert_eq!(core.stash.reach(), 0);
    });
}

#[test]
fn loom_a_capacity_that_is_there_again_takes_hold_of_takings_beside() {
    for stash in [|_| Stash::none(), Stash::new] {
        model("a capacity that is there again", move || {
            let core = bucket(stash(CAPACITY));
            core.locked(|held| held.hear(16));
            assert_eq!(core.stash.reach(), 0);
            let (a, ()) = both(
                &core,
                |core| taken(core, 2) + taken(core, 2),
                |core| core.locked(|held| held.doubt(core.confirmed())),
            );
            // What was there stays. Who sees half of the change may be refused, as by a bucket that is empty.
            assert!(matches!((a, left(&core)), (2, 14) | (4, 12)), "{a} taken, {} left", left(&core));
            assert!(core.capacity() == CAPACITY && core.allowed() == 0);
            core.refund(CAPACITY);
            core.try_take(2).unwrap();
            assert_eq!(left(&core), CAPACITY - 2);
        });
    }
}

#[test]
fn loom_a_capacity_that_changes_twice_beside_a_filling_exceeds_neither() {
    model("narrower and wider", || {
        let core = bucket(Stash::new(CAPACITY));
        let (a, ()) = both(
            &core,
            |core| taken(core, 2),
            |core| {
                core.locked(|held| held.hear(16));
                core.locked(|held| held.doubt(core.confirmed()));
            },
        );
        assert!(matches!((a, left(&core)), (2, 14 | 16)), "{a} taken, {} left", left(&core));
        // No place holds what the balance does not know of.
        assert_eq!(taken(&core, 17), 0);
    });
}

#[test]
fn loom_nobody_takes_during_a_pause() {
    model("pause", || {
        let price = Price::of(1, Duration::from_nanos(1)).unwrap();
        let core = Core::new(CAPACITY, price, Hand(AtomicU64::new(0)), Stash::new(CAPACITY));
        let core = Arc::new(core);
        let paused = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&paused);
        let (before, ()) = both(
            &core,
            |core| {
                let first = taken(core, 2);
                let late = seen.load(Acquire);
                let second = taken(core, 1);
                assert!(!late || second == 0, "taken during the pause");
                first + second
            },
            move |core| {
                core.locked(|held| held.pause(Duration::from_nanos(1)));
                paused.store(true, Release);
            },
        );
        assert_eq!(core.stash.reach(), 0, "a place was left open");
        core.try_take(1).unwrap_err();
        core.clock().0.store(1, SeqCst);
        core.try_take(1).unwrap();
        assert_eq!(left(&core), CAPACITY - 1 - before.saturating_sub(1));
    });
}
