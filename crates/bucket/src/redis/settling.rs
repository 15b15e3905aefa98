//! The task that hands in what calls settle.

use std::{
    sync::{Arc, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::{
    runtime::Handle,
    time::{Instant, sleep, timeout_at},
};

use super::shared::Shared;

/// How often it looks whether anyone still has a handle.
const LOOK: Duration = Duration::from_millis(500);
const SOON: Duration = Duration::from_millis(1);
/// For how long it tries to hand in what is left when nobody has a handle any more. Calls under way end by themselves later.
const LAST_TRIES: Duration = Duration::from_secs(60);

/// Notes, when it is dropped, that nobody settles any more: the task may end with its runtime.
struct Settling(Weak<Shared>);

// === impl Shared ===

impl Shared {
    /// Begins, once, to hand in what calls settle, for as long as there are handles.
    pub(super) fn begin_to_settle(self: &Arc<Self>) {
        let Ok(runtime) = Handle::try_current() else { return };
        let before = std::mem::replace(&mut *self.settling(), true);
        // Without the lock: a runtime that is ending drops the task here.
        if !before {
            runtime.spawn(settle_on(Settling(Arc::downgrade(self)), Arc::clone(self)));
        }
    }

    fn settling(&self) -> MutexGuard<'_, bool> {
        self.settling.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is something to settle; after the server was away, until it may be asked again.
    async fn wait_for_work(&self, away: bool) {
        if away {
            return sleep(self.redis.asked_again_after().clamp(SOON, LOOK)).await;
        }
        let look = Instant::now() + LOOK;
        let look = self.stock.until().map_or(look, |until| until.min(look)).max(Instant::now() + SOON);
        let _ = timeout_at(look, self.settlements.some()).await;
    }
}

// === impl Settling ===

impl Drop for Settling {
    fn drop(&mut self) {
        if let Some(shared) = self.0.upgrade() {
            *shared.settling() = false;
        }
    }
}

/// Settles what is to be settled, and gives back what was taken in advance when its time is up or nobody is left to spend
/// it. Ends with the last handle, when all is handed in or that was tried for long.
async fn settle_on(settling: Settling, shared: Arc<Shared>) {
    let mut shared = Some(shared);
    let mut away = false;
    let mut give_up_at = None;
    while let Some(strong) = shared.take().or_else(|| settling.0.upgrade()) {
        strong.wait_for_work(away).await;
        let only = Arc::strong_count(&strong) == 1;
        if only || strong.stock.until().is_some_and(|until| until <= Instant::now()) {
            strong.settlements.add(|batch| strong.stock.give_back(batch));
        }
        away = strong.settle().await.is_err();
        if only && away {
            let end = *give_up_at.get_or_insert_with(|| Instant::now() + LAST_TRIES);
            shared = Some(strong).filter(|_| Instant::now() < end);
        }
    }
}
