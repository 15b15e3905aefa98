use std::{sync::Arc, time::Duration};

use mainstay_redis::Away;
use tokio::{
    runtime::Handle,
    sync::oneshot,
    task::AbortHandle,
    time::{Instant, sleep},
};

use super::{
    RedisKeys, Shared,
    scripts::{Ending, Found, Run},
};
use crate::{
    Asked, Codec, Hold, Kept, StoreError, StoreFuture,
    store::{end::End, written::Written},
};

/// The right to run under a key, for as long as its lease is renewed. Dropped, it is given back.
pub(super) struct Claim<C> {
    shared: Arc<Shared>,
    written: Written<C>,
    key: Arc<str>,
    run: Arc<Run>,
    renewing: Option<AbortHandle>,
    /// Whether there is nothing to give back.
    is_over: bool,
}

// === impl Claim ===

impl<C> Claim<C> {
    pub(super) fn new(keys: &RedisKeys<C>, asked: &Asked) -> Self {
        let run = Run {
            name: format!("{}{}", keys.shared.prefix, asked.key).into(),
            token: uuid::Uuid::new_v4().simple().to_string().into(),
            fingerprint: format!("{:032x}", asked.fingerprint.bits()),
            lease: keys.shared.lease,
            ttl: asked.ttl,
        };
        Self {
            shared: Arc::clone(&keys.shared),
            written: keys.written.clone(),
            key: Arc::clone(&asked.key),
            run: Arc::new(run),
            renewing: None,
            is_over: false,
        }
    }

    pub(super) async fn ask(&self, asked: &Asked) -> Result<Found, Away> {
        self.shared.scripts.claim(&self.shared.redis, &self.run, asked).await
    }

    /// It was not granted.
    pub(super) const fn forget(&mut self) {
        self.is_over = true;
    }

    /// Renews the lease from now on, until it is dropped.
    pub(super) fn renew(&mut self) {
        let (shared, run) = (Arc::clone(&self.shared), Arc::clone(&self.run));
        self.renewing = Some(tokio::spawn(renew(shared, run, Arc::clone(&self.key))).abort_handle());
    }
}

impl<T, C: Codec<T>> Hold<T> for Claim<C> {
    fn keep(mut self: Box<Self>, kept: &Kept<T>) -> StoreFuture<()> {
        // What was run stays claimed, even if it cannot be written: it is not run again unasked.
        self.is_over = true;
        let end = match self.written.end(&self.key, kept) {
            Ok(end) => end,
            Err(error) => return Box::pin(std::future::ready(Err(error))),
        };
        let (tell, told) = oneshot::channel();
        let (shared, run, key) = (Arc::clone(&self.shared), Arc::clone(&self.run), Arc::clone(&self.key));
        // Whether or not somebody waits for it.
        self.shared.tasks.spawn(keep(shared, run, key, end, tell));
        Box::pin(async move { told.await.map_err(StoreError::unavailable)? })
    }
}

impl<C> Drop for Claim<C> {
    fn drop(&mut self) {
        if let Some(renewing) = &self.renewing {
            renewing.abort();
        }
        if !self.is_over
            && let Ok(runtime) = Handle::try_current()
        {
            self.shared.tasks.spawn_on(free(Arc::clone(&self.shared), Arc::clone(&self.run)), &runtime);
        }
    }
}

/// Renews a lease, thrice in its time, for as long as it is this execution's; where the server is away, as soon as it may be asked again.
async fn renew(shared: Arc<Shared>, run: Arc<Run>, key: Arc<str>) {
    let usual = run.lease / 3;
    let mut pause = usual;
    loop {
        sleep(pause).await;
        pause = match shared.scripts.renew(&shared.redis, &run).await {
            Ok(true) => usual,
            Ok(false) => {
                tracing::error!(
                    key = &*key,
                    "the claim on an idempotency key was lost while its execution runs"
                );
                return;
            }
            Err(_) => shared.redis.asked_again_after().max(Duration::from_millis(1)).min(usual),
        };
    }
}

/// Tells what came of it at first; and where the server is away, tries again until the lease would have ended.
async fn keep(
    shared: Arc<Shared>,
    run: Arc<Run>,
    key: Arc<str>,
    end: End,
    tell: oneshot::Sender<Result<(), StoreError>>,
) {
    let until = Instant::now() + run.lease;
    let mut tell = Some(tell);
    loop {
        let outcome = shared.scripts.keep(&shared.redis, &run, &end).await;
        let away = outcome.as_ref().is_err_and(Away::comes_back);
        let kept = outcome.map_err(StoreError::unavailable).and_then(|ending| read(ending, &key));
        match (tell.take(), kept) {
            // Who has gone away does not need to know.
            (Some(tell), kept) => drop(tell.send(kept)),
            (None, Err(error)) if !away => tracing::error!(%error, "the answer to a key was not kept"),
            (None, _) => {}
        }
        if !away || !shared.waits(until).await {
            return;
        }
    }
}

fn read(ending: Ending, key: &str) -> Result<(), StoreError> {
    match ending {
        Ending::Kept => {}
        Ending::KeptWithoutClaim => {
            tracing::error!(key, "the claim on an idempotency key was forgotten while its execution ran");
        }
        Ending::Lost => return Err(StoreError::Lost { key: key.into() }),
    }
    Ok(())
}

/// Gives a claim back, if it can be done before the lease ends.
async fn free(shared: Arc<Shared>, run: Arc<Run>) {
    let until = Instant::now() + run.lease;
    while shared.scripts.free(&shared.redis, &run).await.is_err_and(|away| away.comes_back()) {
        if !shared.waits(until).await {
            return;
        }
    }
}

// === impl Shared ===

impl Shared {
    /// Waits until the server may be asked again; tells whether that is in time.
    async fn waits(&self, until: Instant) -> bool {
        let pause = self.redis.asked_again_after();
        if Instant::now() + pause > until {
            return false;
        }
        sleep(pause).await;
        true
    }
}
