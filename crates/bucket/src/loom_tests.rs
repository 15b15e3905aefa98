//! The bucket in every order in which a few preemptions let two or three threads run.
//!
//! Loom runs all threads of a model on one, so that one runtime's paused time serves them all; its timers never fire.

mod acquire;
mod changes;
mod closing;
mod limits;
mod taking;
mod three;
mod waiting;

use std::{
    pin::Pin,
    sync::atomic::{
        AtomicUsize,
        Ordering::{Relaxed, SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use loom::{model::Builder, sync::Arc, thread};

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

// === impl Hand ===

impl Clock for Hand {
    fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.0.load(SeqCst))
    }
}

// === impl Bell ===

impl Bell {
    fn rang(&self) -> bool {
        self.0.load(SeqCst) > 0
    }
}

impl Wake for Bell {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

fn bell() -> (std::sync::Arc<Bell>, Waker) {
    let bell = std::sync::Arc::<Bell>::default();
    (bell.clone(), Waker::from(bell))
}

/// A model of two threads.
fn model(name: &str, run: impl Fn() + Send + Sync + 'static) {
    explore(name, 3, run);
}

/// Runs a model in all orders with so many preemptions.
fn explore(name: &str, preemptions: usize, run: impl Fn() + Send + Sync + 'static) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.unwrap();
    let _inside = runtime.enter();
    let runs = std::sync::Arc::new(AtomicUsize::new(0));
    let count = std::sync::Arc::clone(&runs);
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions);
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

/// Begins what runs beside the model's first thread, as the thread of a number: it has the place of that number.
fn beside<B: 'static>(number: usize, there: impl FnOnce() -> B + 'static) -> thread::JoinHandle<B> {
    thread::spawn(move || {
        NUMBER.with(|own| own.set(number));
        there()
    })
}

/// Runs both at once: the first with the first place, the other with the second.
fn both<C: 'static, A, B: 'static>(
    core: &Arc<Core<C>>,
    here: impl FnOnce(&Core<C>) -> A,
    there: impl FnOnce(&Core<C>) -> B + 'static,
) -> (A, B) {
    let other = Arc::clone(core);
    let other = beside(1, move || there(&other));
    (here(core), other.join().unwrap())
}

/// What is there when the places are closed.
fn left<C: Clock>(core: &Core<C>) -> u64 {
    core.locked(|_| ());
    u64::try_from(core.available()).unwrap()
}

fn taken<C: Clock>(core: &Core<C>, tokens: u64) -> u64 {
    core.try_take(tokens).map_or(0, |()| tokens)
}

fn join<C: Clock>(core: &Core<C>, tokens: u64) -> Option<Turn> {
    core.take_or_join(tokens, Patience::ENDLESS).unwrap().map(|place| place.turn)
}

fn poll<F: Future>(future: &mut Pin<Box<F>>, waker: &Waker) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(waker))
}
