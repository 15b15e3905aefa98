use std::{fmt, time::Duration};

use futures_core::TryStream;
use tower_layer::Layer;

use crate::{
    ByCall, DetachedLayer, Fingerprint, Fingerprinted, Idempotency, Memory, Recording, Refused,
    StreamedLayer, WhenFull, life::Living, settings::Settings,
};

/// One key, one effect: calls with the same key are run once, and all get the answer of that execution.
///
/// Semantics follow the IETF draft "The Idempotency-Key HTTP Header Field" and what payment providers publish of theirs: a key
/// stands for one request; with another one it is a conflict; a failure is not remembered.
///
/// | setting | default |
/// |---|---|
/// | [`key`](Self::key) | that of the [`Call`](mainstay_fault::Call) that a request carries; calls without one pass |
/// | [`fingerprint`](Self::fingerprint) | none: conflicts are not found |
/// | [`max_wait`](Self::max_wait) | as long as the execution takes, or the call's deadline |
/// | [`when_full`](Self::when_full) | new keys are refused |
/// | [`store`](Self::store) | [`Memory`]: 1 h, 100,000 keys |
///
/// | under the same key | a call |
/// |---|---|
/// | nothing | is made |
/// | another call under way | waits for its answer |
/// | an answer | gets it, marked as [`Replayed`](crate::Replayed) |
/// | another request's answer | is refused: a conflict |
/// | a failure, for which it waited, or which is kept | fails with the same fault |
/// | an execution that a crash cut off | is refused: its outcome is unknown |
/// | a call that was dropped, or panicked, while it waited | is made in its place |
///
/// # Examples
///
/// ```
/// use mainstay_idempotency::{Fingerprint, IdempotencyLayer, Refused};
/// use tower::{BoxError, Service, ServiceBuilder, ServiceExt, service_fn};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// #[derive(Clone)]
/// struct Mail { key: String, text: String }
///
/// let layer = IdempotencyLayer::new().key(|mail: &Mail| Some(mail.key.as_str()));
/// let mut send = ServiceBuilder::new().layer(layer).service(service_fn(|mail: Mail| async move {
///     Ok::<_, BoxError>(format!("sent: {}", mail.text))
/// }));
///
/// let mail = Mail { key: "order-17".into(), text: "Thank you.".into() };
/// let first = send.ready().await?.call(mail.clone()).await?;
/// let second = send.ready().await?.call(mail).await?;
/// assert!(first.replayed().is_none() && second.replayed().is_some());
/// assert_eq!(*first, *second);
/// # Ok::<_, BoxError>(())
/// # })?;
/// # Ok::<_, BoxError>(())
/// ```
#[derive(Clone)]
pub struct IdempotencyLayer<T, K = ByCall> {
    store: Memory<T>,
    key: K,
    settings: Settings,
}

// === impl IdempotencyLayer ===

impl<T: Clone> IdempotencyLayer<T> {
    /// Creates the layer with its defaults.
    pub fn new() -> Self {
        let settings = Settings { max_wait: None, when_full: WhenFull::Refuse };
        Self { store: Memory::new(), key: ByCall, settings }
    }
}

impl<T: Clone> Default for IdempotencyLayer<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> IdempotencyLayer<T> {
    /// Finds a request's key by a closure. Conflicts are found if it is given a [`fingerprint`](Self::fingerprint) then. A
    /// [`Call`](mainstay_fault::Call) that the request carries is not looked at: not its deadline either.
    pub fn key<Request, F>(self, key: F) -> IdempotencyLayer<T, F>
    where
        F: Fn(&Request) -> Option<&str>,
    {
        self.key_by(key)
    }

    /// Finds a request's key by any [`KeyOf`](crate::KeyOf).
    pub fn key_by<L>(self, key: L) -> IdempotencyLayer<T, L> {
        IdempotencyLayer { store: self.store, key, settings: self.settings }
    }
}

impl<T, K> IdempotencyLayer<T, K> {
    /// Takes fingerprints by a closure, such as [`Fingerprint::of`] of what is asked: the same key with another one is a conflict. To
    /// be called after [`key`](IdempotencyLayer::key).
    ///
    /// # Examples
    ///
    /// ```
    /// use mainstay_idempotency::{Fingerprint, IdempotencyLayer, Refused};
    /// use tower::{Layer, ServiceExt, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Refused> {
    /// #[derive(Clone)]
    /// struct Transfer { key: &'static str, cents: u64 }
    ///
    /// let layer = IdempotencyLayer::new()
    ///     .key(|transfer: &Transfer| Some(transfer.key))
    ///     .fingerprint(|transfer: &Transfer| Fingerprint::new(transfer.cents.into()));
    /// let bank = layer.layer(service_fn(async |transfer: Transfer| Ok::<_, Refused>(transfer.cents)));
    ///
    /// bank.clone().oneshot(Transfer { key: "order-17", cents: 100 }).await?;
    /// let other = bank.oneshot(Transfer { key: "order-17", cents: 200 }).await;
    /// assert_eq!(other.unwrap_err(), Refused::CONFLICT);
    /// # Ok(())
    /// # }
    /// ```
    pub fn fingerprint<Request, F>(self, fingerprint: F) -> IdempotencyLayer<T, Fingerprinted<K, F>>
    where
        F: Fn(&Request) -> Fingerprint,
    {
        let key = Fingerprinted { key: self.key, fingerprint };
        IdempotencyLayer { store: self.store, key, settings: self.settings }
    }

    /// Sets where answers are kept.
    #[must_use]
    pub fn store(mut self, store: Memory<T>) -> Self {
        self.store = store;
        self
    }

    /// Sets the longest that a call waits for another's execution.
    #[must_use]
    pub fn max_wait(mut self, wait: Duration) -> Self {
        self.settings.max_wait = Some(wait);
        self
    }

    /// Has an execution go on, in a task of its own, when its caller goes away: its answer is recorded, and whoever asks next gets
    /// it.
    ///
    /// To be called last. Unless it is, a caller who leaves ends the execution, and one of those who wait begins it anew.
    pub fn detached(self) -> DetachedLayer<T, K> {
        DetachedLayer(self)
    }

    /// Sets what becomes of new keys when there is no room.
    #[must_use]
    pub fn when_full(mut self, when_full: WhenFull) -> Self {
        self.settings.when_full = when_full;
        self
    }
}

impl<St: TryStream, K> IdempotencyLayer<Recording<St>, K> {
    /// Records streams as they pass, for services whose response is a stream of results.
    ///
    /// Calls with the same key at the same time follow one stream live, from its beginning; later ones get what was
    /// recorded, item by item, at once. A stream that breaks, or that all who listen leave, is not kept. The closure makes an item
    /// of what came of the stream, for those who did not meet the break themselves; `Error::from` will do where there is one.
    ///
    /// To be called last. The size of a recording is not known when it begins, so that
    /// [`Memory::capacity_bytes`](crate::Memory::capacity_bytes) cannot bound it; a [`Store`](crate::Store) is of no use to it.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures_util::{StreamExt, stream};
    /// use mainstay_idempotency::{IdempotencyLayer, Refused};
    /// use tower::{Layer, ServiceExt, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Refused> {
    /// let layer = IdempotencyLayer::new().key(|key: &String| Some(key.as_str())).streamed(|refused| refused);
    /// let service = layer.layer(service_fn(|key: String| async move {
    ///     let words: Vec<_> = key.split('-').map(|word| Ok::<_, Refused>(word.to_owned())).collect();
    ///     Ok::<_, Refused>(stream::iter(words))
    /// }));
    ///
    /// let first = service.clone().oneshot("order-17".into()).await?;
    /// let second = service.oneshot("order-17".into()).await?;
    /// assert!(second.replayed().is_some());
    /// let words: Vec<_> = second.into_inner().collect().await;
    /// assert_eq!(words.len(), 2);
    /// let (first, second): (Vec<_>, _) = (first.into_inner().collect().await, words);
    /// assert_eq!(first, second);
    /// # Ok(())
    /// # }
    /// ```
    pub fn streamed(self, error: fn(Refused) -> St::Error) -> StreamedLayer<St, K> {
        self.store.living_as(Living { life: Recording::life, take: Recording::held });
        StreamedLayer::new(self, error)
    }
}

impl<S, T, K: Clone> Layer<S> for IdempotencyLayer<T, K> {
    type Service = Idempotency<S, T, K>;

    fn layer(&self, inner: S) -> Self::Service {
        Idempotency::new(inner, self.store.clone(), self.key.clone(), self.settings)
    }
}

impl<T, K> fmt::Debug for IdempotencyLayer<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdempotencyLayer")
            .field("store", &self.store)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
