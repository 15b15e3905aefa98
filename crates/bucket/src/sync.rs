//! What threads meet in: the standard library's, or loom's, which tries the orders in which they may run.

#[cfg(all(test, mainstay_loom))]
pub(crate) use modelled::*;
#[cfg(not(all(test, mainstay_loom)))]
pub(crate) use real::*;

#[cfg(not(all(test, mainstay_loom)))]
mod real {
    use std::{
        cell::Cell,
        sync::{
            OnceLock,
            atomic::{AtomicUsize, Ordering::Relaxed},
        },
        thread,
    };

    pub(crate) use std::{
        hint::spin_loop,
        sync::{Mutex, MutexGuard, atomic::AtomicU64},
        thread::yield_now,
    };

    const MOST_PLACES: usize = 16;

    /// As many places as threads can run at once, but a power of two.
    pub(crate) fn places() -> usize {
        static PLACES: OnceLock<usize> = OnceLock::new();
        *PLACES.get_or_init(|| {
            thread::available_parallelism().map_or(1, usize::from).next_power_of_two().min(MOST_PLACES)
        })
    }

    /// This thread's number: threads are numbered as they come.
    pub(crate) fn number() -> usize {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static NUMBER: Cell<usize> = const { Cell::new(usize::MAX) };
        }
        // A thread that is ending has lost its number; any other will do.
        NUMBER
            .try_with(|number| {
                if number.get() == usize::MAX {
                    number.set(NEXT.fetch_add(1, Relaxed) & (usize::MAX >> 1));
                }
                number.get()
            })
            .unwrap_or(0)
    }
}

#[cfg(all(test, mainstay_loom))]
mod modelled {
    use std::cell::Cell;

    pub(crate) use loom::{
        hint::spin_loop,
        sync::{Mutex, MutexGuard, atomic::AtomicU64},
        thread::yield_now,
    };

    loom::thread_local! {
        /// A model says which thread has which place.
        pub(crate) static NUMBER: Cell<usize> = Cell::new(0);
    }

    pub(crate) fn places() -> usize {
        2
    }

    pub(crate) fn number() -> usize {
        NUMBER.with(Cell::get)
    }
}
