use std::{
    sync::{Arc, Mutex, PoisonError},
    task::{Wake, Waker},
};

/// All who wait for the next item of one stream: whoever of them polls it has it wake them all, so that it goes on whoever leaves.
#[derive(Default)]
pub(super) struct Wakers(Mutex<Vec<(usize, Waker)>>);

// === impl Wakers ===

impl Wakers {
    /// Notes whom to wake.
    pub(super) fn add(&self, listener: usize, waker: &Waker) {
        let mut wakers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match wakers.iter_mut().find(|(other, _)| *other == listener) {
            Some((_, its)) => its.clone_from(waker),
            None => wakers.push((listener, waker.clone())),
        }
    }

    pub(super) fn remove(&self, listener: usize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|(other, _)| *other != listener);
    }

    pub(super) fn wake_all(&self) {
        let wakers = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for (_, waker) in wakers {
            waker.wake();
        }
    }
}

impl Wake for Wakers {
    fn wake(self: Arc<Self>) {
        self.wake_all();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wake_all();
    }
}
