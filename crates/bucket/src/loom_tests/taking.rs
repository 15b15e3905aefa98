//! What is taken is gone, once.

use std::{
    sync::atomic::Ordering::{Relaxed, SeqCst},
    time::Duration,
};

use loom::sync::{Arc, atomic::AtomicBool};

use super::{CAPACITY, Hand, PLACE, beside, both, bucket, drained, left, model, taken};
use crate::{clock::Frozen, core::Core, price::Price, stash::Stash, sync::AtomicU64};

/// Of a full bucket: a place counts as full from the moment at which it is marked for filling, and its tokens leave the
/// balance some instructions later. A taking in between, by another thread, finds the bucket full already by so much:
/// what time (or, here, nothing) would have brought meanwhile is lost, a place's worth and never more.
fn assert_full_early(taken: u64, left: u64) {
    let exact = CAPACITY - taken;
    assert!(left == exact || left == exact - PLACE, "{left} left of {exact}");
}

#[test]
fn loom_what_two_threads_take_is_gone() {
    model("two places", || {
        let core = bucket(Stash::new(CAPACITY));
        let (a, b) = both(&core, |core| taken(core, 2) + taken(core, 1), |core| taken(core, 2));
        assert_eq!((a, b), (3, 2));
        assert_full_early(a + b, left(&core));
    });
}

#[test]
fn loom_two_threads_share_a_place() {
    model("one place", || {
        let core = bucket(Stash::compact(CAPACITY));
        let (a, b) = both(&core, |core| taken(core, 2), |core| taken(core, 3));
        assert_eq!((a, b), (2, 3));
        // Its one place is twice as large.
        let exact = CAPACITY - a - b;
        assert!([exact, exact - 2 * PLACE].contains(&left(&core)));
    });
}

#[test]
fn loom_nothing_is_lost_of_a_bucket_that_lacks_more_than_its_places_hold() {
    for stash in [Stash::new, Stash::compact] {
        model("less than full", move || {
            let core = bucket(stash(CAPACITY));
            core.try_take(2 * PLACE).unwrap();
            let (a, b) = both(&core, |core| taken(core, 2) + taken(core, 1), |core| taken(core, 2));
            assert_eq!((a, b), (3, 2));
            assert_eq!(left(&core), CAPACITY - 2 * PLACE - a - b);
        });
    }
}

#[test]
fn loom_a_refusal_strands_no_tokens() {
    model("refusal", || {
        let core = drained();
        let (small, large) = both(&core, |core| taken(core, 2), |core| taken(core, PLACE));
        assert!((small == 0) != (large == 0), "{small} and {large} of {PLACE}");
        let rest = PLACE - small - large;
        // What is left lies in the first thread's place; the other finds it there.
        let other = Arc::clone(&core);
        beside(1, move || other.try_take(rest).unwrap()).join().unwrap();
        core.try_take(1).unwrap_err();
    });
}

#[test]
fn loom_a_charge_beside_a_taking_is_owed() {
    model("charge", || {
        let core = drained();
        let (a, ()) = both(&core, |core| taken(core, 2), |core| core.charge(PLACE));
        core.locked(|_| ());
        assert_eq!(core.available(), -i64::try_from(a).unwrap());
        core.try_take(1).unwrap_err();
    });
}

#[test]
fn loom_a_place_is_not_filled_with_what_another_has_taken() {
    model("filling beside a large one", || {
        let core = bucket(Stash::new(CAPACITY));
        let (a, b) = both(&core, |core| taken(core, 2), |core| taken(core, CAPACITY - 2));
        let more = taken(&core, 1);
        assert!(a + b + more <= CAPACITY, "{a} + {b} + {more} of {CAPACITY}");
    });
}

#[test]
fn loom_a_place_counts_before_it_is_filled() {
    model("a large one beside a filling", || {
        let price = Price::of(1, Duration::from_nanos(1)).unwrap();
        let hand = Hand(AtomicU64::new(0));
        let core = Arc::new(Core::new(CAPACITY, price, hand, Stash::new(CAPACITY)));
        let (_, all) = both(
            &core,
            |core| taken(core, 2),
            |core| {
                // By then what the filling has cost is back.
                core.clock().0.store(2 * PLACE, SeqCst);
                taken(core, CAPACITY)
            },
        );
        let more = taken(&core, PLACE);
        assert!(all + more <= CAPACITY, "{all} + {more} at one moment");
    });
}

/// What a thread has done before it puts tokens back is seen by the one who takes them, as with a semaphore.
fn seen(name: &str, tokens: u64, empty: fn() -> Arc<Core<Frozen>>) {
    model(name, move || {
        let core = empty();
        let done = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&done);
        both(
            &core,
            |core| {
                done.store(true, Relaxed);
                core.refund(tokens);
            },
            move |core| assert!(taken(core, 2) == 0 || seen.load(Relaxed), "not seen"),
        );
    });
}

/// With a place that is open and empty.
fn empty(stash: Stash, place: u64) -> Arc<Core<Frozen>> {
    let core = bucket(stash);
    core.try_take(1).unwrap();
    core.try_take(CAPACITY - 1 - place).unwrap();
    core.try_take(place).unwrap();
    assert_eq!((core.stash.reach(), core.available()), (place, 0));
    core
}

#[test]
fn loom_who_takes_what_was_put_back_sees_what_was_done_before() {
    seen("by the balance", 2, || {
        let core = Arc::new(Core::semaphore(2));
        core.try_take(2).unwrap();
        core
    });
    seen("by a place", 2, || empty(Stash::compact(CAPACITY), 2 * PLACE));
    seen("by another's place", 2, || empty(Stash::new(CAPACITY), PLACE));
    // More than there is room for in the place.
    seen("by the balance beside a place", PLACE + 1, || empty(Stash::new(CAPACITY), PLACE));
}

#[test]
fn loom_no_more_is_taken_than_the_capacity_and_what_time_brings() {
    model("time", || {
        let price = Price::of(1, Duration::from_nanos(1)).unwrap();
        let hand = Hand(AtomicU64::new(0));
        let core = Arc::new(Core::new(CAPACITY, price, hand, Stash::new(CAPACITY)));
        core.try_take(1).unwrap();
        let (a, b) = both(
            &core,
            |core| taken(core, 2),
            |core| {
                core.clock().0.store(PLACE, SeqCst);
                taken(core, 2)
            },
        );
        assert!(1 + a + b + left(&core) <= CAPACITY + PLACE);
    });
}

#[test]
fn loom_no_more_is_taken_beside_fillings_than_the_capacity_and_what_time_brings() {
    model("time beside fillings", || {
        let price = Price::of(1, Duration::from_nanos(1)).unwrap();
        let hand = Hand(AtomicU64::new(0));
        let core = Arc::new(Core::new(CAPACITY, price, hand, Stash::new(CAPACITY)));
        let (a, b) = both(
            &core,
            |core| taken(core, 2),
            |core| {
                core.clock().0.store(PLACE, SeqCst);
                taken(core, 2)
            },
        );
        assert_eq!((a, b), (2, 2));
        core.clock().0.store(2 * PLACE, SeqCst);
        let more = taken(&core, 3);
        assert!(a + b + more + left(&core) <= CAPACITY + 2 * PLACE);
    });
}
