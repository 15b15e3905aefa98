use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Mutex as Lock, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
};

use mainstay_redis::{Away, Redis};
use tokio::{
    sync::{Mutex, Notify},
    time::Instant,
};

use super::{
    SharedLimits, SharedReserve, Ticket,
    reserve::Ours,
    script::Scripts,
    seen::Seen,
    settlements::{Batch, Settlements},
    stock::Stock,
};
use crate::{Limiter, Limits, Patience, Reservation, owner::Owner};

/// Limits kept by a Redis server, in a [`RateLimitLayer`](crate::RateLimitLayer) or alone. Made by
/// [`SharedLimits::connect`].
///
/// # Clone
///
/// Cheap; clones share one connection and one line.
#[derive(Clone)]
pub struct RedisLimits {
    pub(super) shared: Arc<Shared>,
}

/// What the handles on one name have in common.
pub(super) struct Shared {
    pub(super) redis: Redis,
    pub(super) scripts: Scripts,
    pub(super) settings: SharedLimits,
    pub(super) stock: Stock,
    pub(super) settlements: Settlements,
    /// What was handed in, perhaps: it is handed in again, under its number, before anything else.
    unconfirmed: Mutex<Option<Batch>>,
    /// The line: who holds it asks the server, the others wait in the order in which they came.
    pub(super) head: Mutex<()>,
    pub(super) waiting: AtomicUsize,
    /// The tokens for which the line waits, together.
    pub(super) wanted: AtomicU64,
    pub(super) seen: Seen,
    /// Something was given back: the head of the line may ask again.
    pub(super) returned: Notify,
    /// For when the server is away.
    pub(super) local: Option<Arc<Limits>>,
    paused_until: Lock<Option<Instant>>,
    /// Names calls: this process's own, and the number of the call in it.
    process: u64,
    calls: AtomicU64,
    pub(super) settling: Lock<bool>,
}

// === impl RedisLimits ===

impl RedisLimits {
    pub(super) fn new(settings: SharedLimits, redis: Redis) -> Self {
        let process = RandomState::new().hash_one(0);
        let local = settings.local_share().ok().flatten();
        if let (Some(local), Some(own)) = (&local, &settings.own) {
            let [tokens, requests] = own.gone();
            local.drain(tokens, requests);
        }
        let lease = settings.lease.filter(|_| settings.in_flight == 0);
        let shared = Shared {
            redis,
            scripts: Scripts::new(&settings, process),
            unconfirmed: Mutex::new(None),
            stock: Stock::new(lease),
            settlements: Settlements::default(),
            head: Mutex::new(()),
            waiting: AtomicUsize::new(0),
            wanted: AtomicU64::new(0),
            seen: Seen::default(),
            returned: Notify::new(),
            local: local.map(Arc::new),
            paused_until: Lock::new(None),
            process,
            calls: AtomicU64::new(0),
            settling: Lock::new(false),
            settings,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Takes one request, `tokens` tokens and a place in flight, after waiting for them where necessary.
    ///
    /// # Errors
    ///
    /// As [`Limits::reserve`](crate::Limits::reserve); and [`Reason::Away`](crate::Reason::Away).
    ///
    /// The server's answer takes its time, too: with no patience at all, a call is refused while another one asks.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it leaves the line. What the server may have granted at that moment is given back when
    /// its answer was read; else it is lost, and a place in flight comes free after
    /// [`longest_call`](SharedLimits::longest_call).
    pub fn reserve(&self, tokens: u64, patience: Patience) -> SharedReserve {
        SharedReserve::new(Arc::clone(&self.shared), tokens, patience)
    }

    /// Hands in at once what is to be settled, and what was taken in advance and not spent: before a process ends.
    ///
    /// Tells whether the server took it. What it did not is kept.
    pub async fn flush(&self) -> bool {
        self.shared.settlements.add(|batch| self.shared.stock.give_back(batch));
        self.shared.settle().await.is_ok()
    }
}

impl<Request> Limiter<Request> for RedisLimits {
    type Reserve = SharedReserve;

    fn try_reserve(&self, _: &Request, tokens: u64) -> Option<Reservation> {
        self.shared.try_local(tokens)
    }

    fn reserve(&self, _: &Request, tokens: u64, patience: Patience) -> SharedReserve {
        Self::reserve(self, tokens, patience)
    }
}

impl fmt::Debug for RedisLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisLimits").field("settings", &self.shared.settings).finish_non_exhaustive()
    }
}

// === impl Shared ===

impl Shared {
    /// Which limits there are: tokens and requests.
    pub(super) const fn limited(&self) -> [bool; 2] {
        [self.settings.tokens.is_some(), self.settings.requests.is_some()]
    }

    /// Reserves without asking the server, if that can be: from what was taken in advance, while nobody waits.
    pub(super) fn try_local(self: &Arc<Self>, tokens: u64) -> Option<Reservation> {
        let nobody_waits = self.waiting.load(Relaxed) == 0 && self.paused_until().is_none();
        if !nobody_waits || !self.stock.holds(tokens, self.limited()) {
            return None;
        }
        let Some(own) = &self.settings.own else { return self.try_stock(tokens) };
        let ours = Ours::new(own.try_reserve(tokens)?);
        Some(ours.joined(self.try_stock(tokens)?))
    }

    /// Reserves what lies in the stock.
    fn try_stock(self: &Arc<Self>, tokens: u64) -> Option<Reservation> {
        self.stock.spend(tokens, self.limited()).then(|| self.granted(tokens, None))
    }

    /// A reservation for which everything was taken.
    pub(super) fn granted(self: &Arc<Self>, tokens: u64, call: Option<Arc<str>>) -> Reservation {
        Reservation::complete(Owner::Remote(Box::new(Ticket::new(self, tokens, call))), tokens)
    }

    pub(super) fn next_call(&self) -> Arc<str> {
        format!("{:x}-{}", self.process, self.calls.fetch_add(1, Relaxed)).into()
    }

    /// Nobody spends before, in this process.
    pub(super) fn pause(&self, until: Instant) {
        let mut paused_until = self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
        *paused_until = (*paused_until).max(Some(until));
    }

    pub(super) fn paused_until(&self) -> Option<Instant> {
        let paused_until = *self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
        paused_until.filter(|until| Instant::now() < *until)
    }

    /// Hands in what there is.
    pub(super) async fn settle(&self) -> Result<(), Away> {
        let mut unconfirmed = self.unconfirmed.lock().await;
        // First what was not confirmed, then what has come since.
        let mut more = true;
        while more {
            more = unconfirmed.is_some();
            if let Some(batch) = &mut *unconfirmed {
                // The server was away: what was said meanwhile of what is left may be out of date, too.
                batch.ages();
                self.settlements.age();
            }
            let Some(batch) = unconfirmed.take().or_else(|| self.settlements.take()) else { break };
            more |= batch.is_full();
            let batch = unconfirmed.insert(batch);
            self.seen.put(self.scripts.settle(batch, &self.redis).await?);
            *unconfirmed = None;
            self.returned.notify_one();
        }
        Ok(())
    }
}
