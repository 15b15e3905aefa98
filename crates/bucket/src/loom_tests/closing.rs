//! Closing the places keeps what lies in them.

use super::{CAPACITY, PLACE, both, bucket, drained, left, model, taken};
use crate::stash::Stash;

#[test]
fn loom_closing_the_places_loses_nothing_and_makes_nothing() {
    model("take and close", || {
        let core = bucket(Stash::new(CAPACITY));
        core.try_take(1).unwrap();
        let (a, ()) = both(&core, |core| taken(core, 2) + taken(core, 1), |core| core.locked(|_| ()));
        assert_eq!(left(&core), CAPACITY - 1 - a);
    });
}

#[test]
fn loom_a_closing_waits_for_a_place_that_is_being_filled() {
    model("fill and close", || {
        let core = bucket(Stash::new(CAPACITY));
        let (a, ()) = both(&core, |core| taken(core, 2), |core| core.locked(|_| ()));
        assert_eq!((a, left(&core)), (2, CAPACITY - 2));
    });
}

#[test]
fn loom_a_refund_beside_a_closing_is_counted_once() {
    model("refund and close", || {
        let core = drained();
        core.try_take(4).unwrap();
        both(&core, |core| core.refund(2), |core| core.locked(|_| ()));
        assert_eq!(left(&core), PLACE - 4 + 2);
    });
}
