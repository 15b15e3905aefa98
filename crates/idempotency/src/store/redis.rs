mod claim;
mod scripts;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use mainstay_redis::{Away, Redis, RedisResult};
use tokio_util::task::TaskTracker;

use self::{
    claim::Claim,
    scripts::{Found, Scripts},
};
use super::written::Written;
use crate::{Asked, Claimed, Codec, Json, Store, StoreError, StoreFuture};

/// Keeps records on a Redis or Valkey server, or in a cluster, for all processes and machines that use it: one execution for
/// each key among them all.
///
/// A claim is a lease, on the server's clock. It is renewed while the execution runs; where its process dies or stands still for
/// longer, the execution counts as cut off, and its outcome is unknown: the call is refused, unless it may be made anew
/// ([`Call::retry_unknown`](mainstay_fault::Call::retry_unknown)). Each claim has a token of its own, so that an execution that lost its
/// lease never writes over its successor's record ([`StoreError::Lost`]). Who finds another process's execution under
/// way asks again, at first after 10 ms, then ever less often, up to 200 ms.
///
/// | what happens | what comes of it |
/// |---|---|
/// | the server is away before an execution | it is refused, with a fault of kind `Shed`, and does not run; nobody waits longer than [`Redis::timeout`] |
/// | it is away at an execution's end | the answer is handed out at once; to keep it is tried until the lease would have ended |
/// | it was killed and has forgotten the claims | keys may run again; an answer that comes without its claim is kept, and a trace of level `ERROR` says so |
///
/// So have the server write to its disk (`appendonly yes`), and drop nothing (`maxmemory-policy noeviction`): this is no cache.
///
/// # Clone
///
/// Clones share the connection.
///
/// # Examples
///
/// ```no_run
/// use mainstay_idempotency::{IdempotencyLayer, Memory, RedisKeys};
/// use tower::{BoxError, Layer, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let keys = RedisKeys::connect("redis://127.0.0.1/")?;
/// let layer = IdempotencyLayer::new()
///     .key(|key: &String| Some(key.as_str()))
///     .store(Memory::new().backed_by(keys));
/// let service = layer.layer(service_fn(|key: String| async move { Ok::<_, BoxError>(key.len()) }));
/// // In whatever process: the service runs once.
/// assert_eq!(*service.oneshot("order-17".to_owned()).await?, 8);
/// # Ok(())
/// # }
/// ```
pub struct RedisKeys<C = Json> {
    shared: Arc<Shared>,
    written: Written<C>,
}

/// What the handles have in common.
struct Shared {
    redis: Redis,
    scripts: Scripts,
    prefix: Box<str>,
    lease: Duration,
    /// What is still to be written: the ends of executions, and claims that are given back.
    tasks: TaskTracker,
}

const FIRST_LOOK: Duration = Duration::from_millis(10);
const LONGEST_LOOK: Duration = Duration::from_millis(200);
const SHORTEST_LEASE: Duration = Duration::from_millis(3);
const LONGEST_LEASE: Duration = Duration::from_secs(365 * 86_400);

// === impl RedisKeys ===

impl RedisKeys {
    /// Uses one server. It is connected when it is first needed, and need not be there yet.
    ///
    /// # Errors
    ///
    /// The address is none.
    pub fn connect(url: &str) -> RedisResult<Self> {
        Redis::open(url).map(Self::on)
    }

    /// Uses a server or a cluster that others may use too.
    pub fn on(redis: Redis) -> Self {
        let shared = Shared {
            redis,
            scripts: Scripts::default(),
            prefix: "mainstay:key:".into(),
            lease: Duration::from_secs(30),
            tasks: TaskTracker::new(),
        };
        Self { shared: Arc::new(shared), written: Written::new() }
    }
}

impl<C> RedisKeys<C> {
    /// Sets how answers are written: as [`Json`] of version 0, unless set.
    #[must_use]
    pub fn codec<D>(self, codec: D) -> RedisKeys<D> {
        RedisKeys { shared: self.shared, written: self.written.codec(codec) }
    }

    /// Sets how many bytes an answer may take, 4 MiB by default: a larger one is handed out and not kept, and its outcome is
    /// unknown to who asks after the lease.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.written.max_bytes(bytes);
        self
    }

    /// Sets how long a claim holds without being renewed, 30 s by default: as long as a process may stand still, and as long as
    /// others wait for one that died. It is renewed three times in that. At least 3 ms, at most a year.
    #[must_use]
    pub fn lease(self, time: Duration) -> Self {
        self.with(|shared| shared.lease = time.clamp(SHORTEST_LEASE, LONGEST_LEASE))
    }

    /// Sets what stands before each key on the server: `mainstay:key:`, unless set. Who uses the same shares keys.
    #[must_use]
    pub fn prefix(self, prefix: impl Into<Box<str>>) -> Self {
        self.with(|shared| shared.prefix = prefix.into())
    }

    /// To be used before it is shared.
    fn with(self, change: impl FnOnce(&mut Shared)) -> Self {
        let Shared { redis, prefix, lease, .. } = &*self.shared;
        let (redis, prefix, lease) = (redis.clone(), prefix.clone(), *lease);
        let mut shared =
            Shared { redis, prefix, lease, scripts: Scripts::default(), tasks: TaskTracker::new() };
        change(&mut shared);
        Self { shared: Arc::new(shared), written: self.written }
    }

    /// Claims, and waits as long as another execution has the key.
    async fn claim<T>(self, asked: Asked) -> Result<Claimed<T>, StoreError>
    where
        C: Codec<T>,
    {
        if self.shared.tasks.is_closed() {
            return Err(StoreError::unavailable("the store was closed"));
        }
        let mut look = FIRST_LOOK;
        loop {
            // Until the claim is granted and has arrived, whoever drops this gives it back.
            let mut claim = Claim::new(&self, &asked);
            let found = claim.ask(&asked).await;
            if matches!(found, Err(Away::LeftAlone) | Ok(Found::Busy | Found::Ended(..) | Found::Conflict)) {
                claim.forget();
            }
            match found.map_err(StoreError::unavailable)? {
                Found::Claimed => {
                    claim.renew();
                    return Ok(Claimed::Run(Box::new(claim)));
                }
                Found::Busy => {
                    tokio::time::sleep(look).await;
                    look = (look * 2).min(LONGEST_LOOK);
                }
                Found::Ended(end, age) => {
                    return Ok(Claimed::Ended(self.written.kept(&asked.key, end)?, age));
                }
                Found::Conflict => return Ok(Claimed::Conflict),
                Found::Unknown(began) => {
                    return Ok(Claimed::Unknown(UNIX_EPOCH + Duration::from_millis(began)));
                }
                Found::Damaged(what) => {
                    return Err(StoreError::Damaged { key: asked.key.as_ref().into(), what });
                }
            }
        }
    }
}

impl<T: Send + 'static, C: Codec<T>> Store<T> for RedisKeys<C> {
    fn claim(&self, asked: Asked) -> StoreFuture<Claimed<T>> {
        Box::pin(self.clone().claim(asked))
    }

    fn close(&self) -> StoreFuture<()> {
        let tasks = self.shared.tasks.clone();
        Box::pin(async move {
            tasks.close();
            tasks.wait().await;
            Ok(())
        })
    }
}

impl<C> Clone for RedisKeys<C> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), written: self.written.clone() }
    }
}

impl<C> fmt::Debug for RedisKeys<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { redis, prefix, lease, .. } = &*self.shared;
        f.debug_struct("RedisKeys")
            .field("redis", redis)
            .field("prefix", prefix)
            .field("lease", lease)
            .finish_non_exhaustive()
    }
}
