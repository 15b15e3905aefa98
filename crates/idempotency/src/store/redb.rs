mod desk;
mod file;
mod ledger;
mod live;

use std::{
    fmt,
    path::Path,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use tokio::sync::oneshot;

use self::{
    desk::Desk,
    ledger::{Found, Op},
    live::Going,
};
use super::written::Written;
use crate::{Asked, Claimed, Codec, Hold, Json, Kept, Store, StoreError, StoreFuture};

/// Keeps records in a file, which survives the process, even one that is killed: a database of the crate
/// [`redb`](https://docs.rs/redb).
///
/// A claim is on the disk before its execution begins, and its answer before it is handed out. So a process that finds a claim of
/// an earlier one, without an end, knows that the execution was cut off, and not what came of it: the call is refused, with the
/// time when it began, unless it may be made anew ([`Call::retry_unknown`](mainstay_fault::Call::retry_unknown)).
///
/// Many claims and answers at the same time share one write to the disk. The file grows with what is kept and shrinks when it is
/// opened; expired records are removed a little at a time.
///
/// | what happens | what comes of it |
/// |---|---|
/// | another process has the file | [`StoreError::InUse`]: one at a time |
/// | the file is another program's, or torn | [`StoreError::Foreign`], and it is left as it is |
/// | the disk is full before an execution | it is refused, and does not run |
/// | the disk is full after it | the answer is handed out, and its outcome is unknown after a restart |
///
/// # Clone
///
/// Clones share the file. It is closed with the last of them, or by [`close`](Self::close).
///
/// # Examples
///
/// ```
/// use mainstay_idempotency::{IdempotencyLayer, Memory, Redb};
/// use tower::{BoxError, Layer, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("keys.redb");
/// for replayed in [false, true] {
///     // The second time stands for another process, after the first one has ended.
///     let file = Redb::open(&path)?;
///     let layer = IdempotencyLayer::new()
///         .key(|key: &String| Some(key.as_str()))
///         .store(Memory::new().backed_by(file.clone()));
///     let service = layer.layer(service_fn(|key: String| async move { Ok::<_, BoxError>(key.len()) }));
///     let answer = service.oneshot("order-17".to_owned()).await?;
///     assert_eq!(answer.replayed().is_some(), replayed);
///     file.close().await;
/// }
/// # Ok(())
/// # }
/// ```
pub struct Redb<C = Json> {
    desk: Arc<Desk>,
    written: Written<C>,
}

/// The right to run under a key of the file.
struct Claim<C> {
    redb: Redb<C>,
    key: Arc<str>,
    ttl: Duration,
    /// Until it has ended, and that is written; `None` where there is nothing to give back.
    going: Option<Going>,
}

// === impl Redb ===

impl Redb {
    /// Opens a file, or makes a new one. All of it is read, to be sure that it is whole.
    ///
    /// # Errors
    ///
    /// The file is another program's, or damaged, or in use, or cannot be opened.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let desk = Arc::new(Desk::new(file::open(path.as_ref())?));
        Ok(Self { desk, written: Written::new() })
    }
}

impl<C> Redb<C> {
    /// Sets how answers are written: as [`Json`] of version 0, unless set.
    #[must_use]
    pub fn codec<D>(self, codec: D) -> Redb<D> {
        Redb { desk: self.desk, written: self.written.codec(codec) }
    }

    /// Sets how many keys the file may hold, 1,000,000 by default: new ones are refused then.
    #[must_use]
    pub fn capacity(self, keys: u64) -> Self {
        self.desk.limit(keys);
        self
    }

    /// Sets how many bytes an answer may take, 4 MiB by default: a larger one is handed out and not kept: whoever asks the file
    /// for it, in this process or another, is told that its outcome is unknown.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.written.max_bytes(bytes);
        self
    }

    /// Waits until all is written that was to be written, and closes the file, for all clones.
    ///
    /// Calls with new keys fail from then on, as with any store that cannot be used.
    pub async fn close(self) {
        self.desk.close().await;
    }

    fn clone_as(&self) -> Self {
        Self { desk: Arc::clone(&self.desk), written: self.written.clone() }
    }

    /// Claims, and waits as long as another execution of this process has the key.
    async fn claim<T>(self, asked: Asked) -> Result<Claimed<T>, StoreError>
    where
        C: Codec<T>,
    {
        loop {
            let (tell, told) = oneshot::channel();
            let going = self.desk.begin();
            let run = going.run;
            // Until the claim is granted and has arrived, whoever drops this gives it back.
            let (redb, key) = (self.clone_as(), Arc::clone(&asked.key));
            let mut claim = Claim { redb, key, ttl: asked.ttl, going: Some(going) };
            self.desk.submit(Op::Claim { asked: asked.clone(), run, tell });
            let found = told.await.map_err(StoreError::unavailable)??;
            if matches!(found, Found::Claimed) {
                return Ok(Claimed::Run(Box::new(claim)));
            }
            claim.going = None;
            return Ok(match found {
                Found::Claimed => continue,
                Found::Busy(number) => {
                    if let Some(end) = self.desk.end_of(number) {
                        end.await;
                    }
                    continue;
                }
                Found::Ended(end, age) => Claimed::Ended(self.written.kept(&asked.key, end)?, age),
                Found::Conflict => Claimed::Conflict,
                Found::Unknown(began) => Claimed::Unknown(UNIX_EPOCH + Duration::from_millis(began)),
                Found::Full => Claimed::Full,
            });
        }
    }
}

impl<T: Send + 'static, C: Codec<T>> Store<T> for Redb<C> {
    fn claim(&self, asked: Asked) -> StoreFuture<Claimed<T>> {
        Box::pin(self.clone_as().claim(asked))
    }

    fn close(&self) -> StoreFuture<()> {
        let desk = Arc::clone(&self.desk);
        Box::pin(async move {
            desk.close().await;
            Ok(())
        })
    }
}

impl<C> Clone for Redb<C> {
    fn clone(&self) -> Self {
        self.clone_as()
    }
}

impl<C> fmt::Debug for Redb<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redb").field("path", &self.desk.path()).finish_non_exhaustive()
    }
}

// === impl Claim ===

impl<T, C: Codec<T>> Hold<T> for Claim<C> {
    fn keep(mut self: Box<Self>, kept: &Kept<T>) -> StoreFuture<()> {
        // What was run stays claimed, even if it cannot be written: it is not run again.
        let going = self.going.take();
        let end = match self.redb.written.end(&self.key, kept) {
            Ok(end) => end,
            Err(error) => return Box::pin(std::future::ready(Err(error))),
        };
        let (tell, told) = oneshot::channel();
        if let Some(going) = going {
            self.redb.desk.submit(Op::Keep { key: Arc::clone(&self.key), going, end, ttl: self.ttl, tell });
        }
        Box::pin(async move { told.await.map_err(StoreError::unavailable)? })
    }
}

impl<C> Drop for Claim<C> {
    fn drop(&mut self) {
        if let Some(going) = self.going.take() {
            self.redb.desk.submit(Op::Free { key: Arc::clone(&self.key), going });
        }
    }
}
