//! A new key is refused only where there is no room.

use std::{sync::Arc, time::Duration};

use mainstay_idempotency::{Answer, IdempotencyLayer, Memory, Playback, Recording, Refused};
use mainstay_testkit::{Record, Step, script};
use tower::{Layer, Service, ServiceExt};

use crate::{
    streamed::{Items, items, read},
    support::{Ask, ByKey, Failed},
};

const SECOND: Duration = Duration::from_secs(1);

trait Streams: Service<Ask, Response = Answer<Playback<Items>>, Error = Failed> + Clone {}

impl<S: Service<Ask, Response = Answer<Playback<Items>>, Error = Failed> + Clone> Streams for S {}

/// Streams that are kept, of which the sixth breaks.
fn streams(store: Memory<Recording<Items>>) -> (impl Streams, Record<Ask>) {
    let (inner, record) = script(|n, _: &Ask| Step::Now(Ok::<_, Failed>(items(n, n == 5))));
    let layer = IdempotencyLayer::new().key_by(ByKey).store(store).streamed(Failed::from);
    (layer.layer(inner), record)
}

async fn ask(streams: &impl Streams, key: &'static str) -> Result<Playback<Items>, Failed> {
    Ok(streams.clone().oneshot(Ask(Some(key), 0)).await?.into_inner())
}

/// Five that go on, and a sixth that broke.
async fn all_but_one(streams: &impl Streams) -> Vec<Playback<Items>> {
    let mut open = Vec::new();
    for key in ["a", "b", "c", "d", "e"] {
        open.push(ask(streams, key).await.unwrap());
    }
    assert_eq!(read(ask(streams, "f").await.unwrap()).await.len(), 3);
    open
}

#[tokio::test(start_paused = true)]
async fn streams_that_ended_together_give_their_room_back_when_their_time_is_up() {
    let (streams, _) = streams(Memory::new().capacity(3).ttl(2 * SECOND));
    let [a, b, c] = [ask(&streams, "a"), ask(&streams, "b"), ask(&streams, "c")];
    let (a, b, c) = (a.await.unwrap(), b.await.unwrap(), c.await.unwrap());
    tokio::join!(read(a), read(b), read(c));
    tokio::time::advance(3 * SECOND).await;
    assert!(ask(&streams, "d").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn one_that_broke_is_found_behind_any_number_that_go_on() {
    let (streams, record) = streams(Memory::new().capacity(6));
    let _open = all_but_one(&streams).await;
    let _seventh = ask(&streams, "g").await.unwrap();
    assert_eq!(record.calls(), 7);
    let full = ask(&streams, "h").await.map(drop);
    assert_eq!(full, Err(Failed::Refused(Refused::FULL)), "none of those that go on is dropped");
}

#[tokio::test(start_paused = true)]
async fn one_that_broke_makes_room_for_its_own_key() {
    let (streams, _) = streams(Memory::new().capacity(6));
    let _open = all_but_one(&streams).await;
    assert_eq!(read(ask(&streams, "f").await.unwrap()).await.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn one_whose_end_is_found_out_late_expires_in_time() {
    let (streams, _) = streams(Memory::new().capacity(7).ttl(10 * SECOND));
    let mut open = Vec::new();
    for key in ["a", "b", "c", "d", "e"] {
        open.push(ask(&streams, key).await.unwrap());
    }
    // A new key looks at four that go on: that the last one ended first is found out by the second new key.
    read(open.pop().unwrap()).await;
    read(open.remove(0)).await;
    let _more = [ask(&streams, "f").await.unwrap(), ask(&streams, "g").await.unwrap()];
    tokio::time::advance(6 * SECOND).await;
    assert!(ask(&streams, "h").await.is_ok(), "the first of them ended eleven seconds ago");
}

#[tokio::test(start_paused = true)]
async fn all_that_has_expired_gives_its_bytes_back() {
    let (inner, _) = script(|_, ask: &Ask| Step::Now(Ok::<_, Failed>(Arc::new(vec![0_u8; ask.1 as usize]))));
    let store = Memory::new().ttl(60 * SECOND).capacity_bytes(10, |bytes: &Arc<Vec<u8>>| bytes.len());
    let service = IdempotencyLayer::new().key_by(ByKey).store(store).layer(inner);
    for (key, bytes) in [("a", 1), ("b", 1), ("c", 1), ("d", 1), ("e", 1), ("f", 10)] {
        service.clone().oneshot(Ask(Some(key), bytes)).await.unwrap();
    }
    tokio::time::advance(60 * SECOND).await;
    assert!(service.oneshot(Ask(Some("g"), 1)).await.is_ok());
}
