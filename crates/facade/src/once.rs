//! One key, one effect: how a chat's key is found, made where it has none, and remembered.

use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use mainstay_fault::HasCall;
use mainstay_idempotency::{
    Fingerprint, Idempotency, IdempotencyLayer, KeyOf, Memory, Recorder, Recording, Refused, Store, Streamed,
    new_key,
};
use tokio::time::Instant;
use tower_layer::Layer;
use tower_service::Service;

use crate::{
    ChatRequest, ChatStream, Served,
    one_kind::{OneKind, taken},
    openai,
    played::PlayEach,
};

/// A service of whole answers that runs each key once.
pub type Once<S> = Idempotency<OneKind<S>, Served, OnceKey>;

/// A service of streams that runs each key once.
pub type OnceStreamed<S> =
    PlayEach<Streamed<Idempotency<Recorder<OneKind<S>, ChatStream>, Recording<ChatStream>, OnceKey>>>;

/// Finds a chat's key, if keys are remembered at all.
#[derive(Clone, Copy, Debug)]
pub struct OnceKey {
    on: bool,
}

/// Gives each call a key that has none, so that all its attempts carry the same one.
#[derive(Clone, Copy, Debug)]
pub struct NewKey<S>(S);

/// Where keys are remembered: those of whole answers, and those of streams.
#[derive(Clone)]
pub(crate) struct Remember {
    whole: Memory<Served>,
    streams: Memory<Recording<ChatStream>>,
}

/// Makes the layers: one execution for each key -> none of the other kind -> a key for calls without.
pub(crate) fn once<S>(remember: Option<&Remember>, inner: S) -> Once<NewKey<S>> {
    let key = OnceKey { on: remember.is_some() };
    let store = remember.map_or_else(Memory::new, |remember| remember.whole.clone());
    let streams = remember.map(|remember| taken(&remember.streams));
    IdempotencyLayer::new().key_by(key).store(store).layer(OneKind::new(NewKey(inner), streams))
}

/// The same for streams.
pub(crate) fn once_streamed<S>(remember: &Remember, inner: S) -> OnceStreamed<S> {
    let layer = IdempotencyLayer::new().key_by(OnceKey { on: true }).store(remember.streams.clone());
    // The error of those who did not meet the break themselves.
    let streamed = layer.streamed(|refused: Refused| openai::Error::other(refused.clone(), refused)).packed();
    let inner = OneKind::new(inner, Some(taken(&remember.whole)));
    PlayEach::new(streamed.layer(inner))
}

/// Whether a stream is worth playing again to who asks later.
fn is_worth_keeping(recording: &Recording<ChatStream>) -> bool {
    recording.source(ChatStream::is_worth_keeping).unwrap_or(true)
}

// === impl Remember ===

impl Remember {
    /// Remembers so many keys for so long, whole answers in a store besides, if there is one.
    pub(crate) fn new(ttl: Duration, capacity: usize, store: Option<Arc<dyn Store<Served>>>) -> Self {
        let whole = Memory::new().ttl(ttl).capacity(capacity).keeping(Served::is_worth_keeping);
        let streams = Memory::new().ttl(ttl).capacity(capacity).keeping(is_worth_keeping);
        Self { whole: store.into_iter().fold(whole, Memory::backed_by), streams }
    }
}

impl fmt::Debug for Remember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remember").field("whole", &self.whole).field("streams", &self.streams).finish()
    }
}

// === impl OnceKey ===

impl KeyOf<ChatRequest> for OnceKey {
    fn key<'a>(&self, request: &'a ChatRequest) -> Option<&'a str> {
        if self.on { request.call()?.key.as_deref() } else { None }
    }

    fn fingerprint(&self, request: &ChatRequest) -> Fingerprint {
        // A body that cannot be written is not sent either, and fails there.
        Fingerprint::of(request).unwrap_or(Fingerprint::new(0))
    }

    fn retries_unknown(&self, request: &ChatRequest) -> bool {
        request.call().is_some_and(|call| call.retry_unknown)
    }

    fn deadline(&self, request: &ChatRequest) -> Option<Instant> {
        request.call()?.deadline
    }
}

// === impl NewKey ===

impl<S> NewKey<S> {
    pub(crate) const fn new(inner: S) -> Self {
        Self(inner)
    }
}

impl<S: Service<Request>, Request: HasCall> Service<Request> for NewKey<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> S::Future {
        if let Some(call) = request.call_mut() {
            call.key.get_or_insert_with(new_key);
        }
        self.0.call(request)
    }
}
