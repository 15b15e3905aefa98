//! Two threads at a bucket, in every order in which three preemptions let them run.

use std::{
    sync::atomic::{
        AtomicUsize,
        Ordering::{Acquire, Relaxed, Release, SeqCst},
    },
    task::{Wake, Waker},
    time::Duration,
};

use loom::{
    model::Builder,
    sync::{Arc, atomic::AtomicBool},
    thread,
};

use crate::{
    Clock, Patience,
    clock::Frozen,
    core::Core,
    line::Turn,
    price::Price,
    queue::Queue,
    stash::Stash,
    sync::{AtomicU64, NUMBER},
};

/// With two places, of eight tokens each.
const CAPACITY: u64 = 256;
const PLACE: u64 = 8;

/// Stands where the model has put it, in nanoseconds.
struct Hand(AtomicU64);

/// Counts how often it was woken.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Clock for Hand {
    fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.0.load(SeqCst))
    }
}

impl Wake for Bell {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

fn model(name: &str, run: impl Fn() + Send + Sync + 'static) {
    let runs = std::sync::Arc::new(AtomicUsize::new(0));
    let count = std::sync::Arc::clone(&runs);
    let mut builder = Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(move || {
        count.fetch_add(1, Relaxed);
        run();
    });
    println!("{name}: {} executions", runs.load(Relaxed));
}

fn bucket(stash: Stash) -> Arc<Core<Frozen>> {
    Arc::new(Core::new(CAPACITY, Price::UNIT, Frozen, stash))
}

/// A bucket with nothing left but a full place, that of the first thread.
fn drained() -> Arc<Core<Frozen>> {
    let core = bucket(Stash::new(CAPACITY));
    core.try_take(1).unwrap();
    core.try_take(CAPACITY - 1 - PLACE).unwrap();
    assert_eq!(core.stash.tokens(), PLACE);
    core
}

/// Runs both at once: the first with the first place, the other with the second.
fn both<C, A, B: 'static>(
    core: &Arc<Core<C>>,
    here: impl FnOnce(&Core<C>) -> A,
    there: impl FnOnce(&Core<C>) -> B + 'static,
) -> (A, B)
where
    C: 'static,
{
    let other = Arc::clone(core);
    let other = thread::spawn(move || {
        NUMBER.with(|number| number.set(1));
        there(&other)
    });
    (here(core), other.join().unwrap())
}

/// What is there when the places are closed.
fn left<C: Clock>(core: &Core<C>) -> u64 {
    core.locked(|_| ());
    u64::try_from(core.available()).unwrap()
}

/// A place that is being opened counts as full already: a full bucket may lack a sixteenth by it, and never has more.
fn assert_bound<C: Clock>(core: &Core<C>, taken: u64) {
    let exact = CAPACITY - taken;
    let left = left(core);
    assert!((exact - CAPACITY / 16..=exact).contains(&left), "{left} left of {exact}");
}

fn taken<C: Clock>(core: &Core<C>, tokens: u64) -> u64 {
    core.try_take(tokens).map_or(0, |()| tokens)
}

fn join<C: Clock>(core: &Core<C>, tokens: u64) -> Option<Turn> {
    core.take_or_join(tokens, Patience::ENDLESS).unwrap().map(|place| place.turn)
}

fn bell() -> (std::sync::Arc<Bell>, Waker) {
    let bell = std::sync::Arc::<Bell>::default();
    (bell.clone(), Waker::from(bell))
}

#[test]
fn loom_what_two_threads_take_is_gone() {
    model("two places", || {
        let core = bucket(Stash::new(CAPACITY));
        let (a, b) = both(&core, |core| taken(core, 2) + taken(core, 1), |core| taken(core, 2));
        assert_eq!((a, b), (3, 2));
        assert_bound(&core, a + b);
    });
}

#[test]
fn loom_two_threads_share_a_place() {
    model("one place", || {
        let core = bucket(Stash::compact(CAPACITY));
        let (a, b) = both(&core, |core| taken(core, 2), |core| taken(core, 3));
        assert_eq!((a, b), (2, 3));
        assert_bound(&core, a + b);
    });
}

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

#[test]
fn loom_a_refusal_strands_no_tokens() {
    model("refusal", || {
        let core = drained();
        let (small, large) = both(&core, |core| taken(core, 2), |core| taken(core, PLACE));
        assert!((small == 0) != (large == 0), "{small} and {large} of {PLACE}");
        let rest = PLACE - small - large;
        core.try_take(rest).unwrap();
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
            assert!(bell.0.load(SeqCst) > 0, "sleeps for ever");
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
            assert!(bell.0.load(SeqCst) > 0, "sleeps for ever");
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
    assert!(bell.0.load(SeqCst) > 0, "sleeps for ever");
    core.fetch(second, &waker).unwrap();
    core.fetch(second, &waker).unwrap_err();
    assert_eq!((core.waiting(), left(&core)), (0, refund - 1));
}

#[test]
fn loom_a_waiter_that_leaves_hands_over() {
    model("leaving while it waits", || hand_over(1));
    model("leaving when it is served", || hand_over(2));
}
