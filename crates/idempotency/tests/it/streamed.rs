use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::Poll,
    time::Duration,
};

use futures_util::{FutureExt, Stream, StreamExt, TryStreamExt, future::join_all, stream};
use mainstay_fault::{FaultKind, HasFault};
use mainstay_idempotency::{IdempotencyLayer, Memory, Recording};
use mainstay_testkit::{Step, script};
use serde_json::json;
use tokio::sync::Notify;
use tower::{Layer, Service, ServiceExt};

use crate::support::{Ask, ByKey, Failed};

const SECOND: Duration = Duration::from_secs(1);

pub(crate) type Items = stream::BoxStream<'static, Result<u32, Failed>>;

/// Five items a second apart, ten times the execution's number and on; the third may break.
pub(crate) fn items(execution: usize, breaks: bool) -> Items {
    let base = 10 * u32::try_from(execution).unwrap();
    let each = move |n| async move {
        tokio::time::sleep(SECOND).await;
        if breaks && n == 2 { Err(Failed::Inner(FaultKind::Interrupted)) } else { Ok(base + n) }
    };
    stream::iter(0..5).then(each).boxed()
}

pub(crate) async fn read(stream: impl Stream<Item = Result<u32, Failed>>) -> Vec<Result<u32, FaultKind>> {
    stream.map_err(|error| error.fault().kind).collect().await
}

#[tokio::test(start_paused = true)]
async fn all_follow_one_stream_from_its_beginning_and_later_ones_get_it_whole() {
    let (inner, record) = script(|n, _: &Ask| Step::Now(Ok::<_, Failed>(items(n, false))));
    let service = IdempotencyLayer::new().key_by(ByKey).streamed(Failed::from).layer(inner);
    let begun = tokio::time::Instant::now();
    let first = service.clone().oneshot(Ask(Some("a"), 0)).await.unwrap();
    assert!(first.replayed().is_none());
    let late = async {
        tokio::time::sleep(3 * SECOND).await;
        let answer = service.clone().oneshot(Ask(Some("a"), 0)).await.unwrap();
        assert!(answer.replayed().is_some());
        read(answer.into_inner()).await
    };
    let (first, late) = tokio::join!(read(first.into_inner()), late);
    assert_eq!(first, (0..5).map(Ok).collect::<Vec<_>>());
    assert_eq!((&first, begun.elapsed()), (&late, 5 * SECOND));
    let after = service.oneshot(Ask(Some("a"), 0)).await.unwrap();
    assert_eq!((read(after.into_inner()).await, record.calls()), (first, 1));
    assert_eq!(begun.elapsed(), 5 * SECOND, "what has passed comes at once");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_breaks_for_all_and_is_not_kept() {
    let (inner, record) = script(|n, _: &Ask| Step::Now(Ok::<_, Failed>(items(n, n == 0))));
    let service = IdempotencyLayer::new().key_by(ByKey).streamed(Failed::from).layer(inner);
    let calls = (0..4).map(|_| async {
        read(service.clone().oneshot(Ask(Some("a"), 1)).await.unwrap().into_inner()).await
    });
    for items in join_all(calls).await {
        assert_eq!(items, [Ok(0), Ok(1), Err(FaultKind::Interrupted)]);
    }
    assert_eq!(record.calls(), 1);
    let again = service.oneshot(Ask(Some("a"), 1)).await.unwrap();
    assert!(again.replayed().is_none());
    assert_eq!(read(again.into_inner()).await, (10..15).map(Ok).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn it_goes_on_while_one_listens_and_no_longer() {
    let open = Arc::new(());
    let held = Arc::clone(&open);
    let (inner, record) = script(move |n, _: &Ask| {
        let held = Arc::clone(&held);
        Step::Now(Ok::<_, Failed>(items(n, false).inspect(move |_| drop(Arc::clone(&held))).boxed()))
    });
    let store = Memory::<Recording<Items>>::new();
    let service = IdempotencyLayer::new().key_by(ByKey).store(store).streamed(Failed::from).layer(inner);
    let mut first = service.clone().oneshot(Ask(Some("a"), 0)).await.unwrap().into_inner();
    let second = service.clone().oneshot(Ask(Some("a"), 0)).await.unwrap().into_inner();
    assert_eq!(first.next().await, Some(Ok(0)));
    drop(first);
    assert_eq!(
        read(second).await,
        (0..5).map(Ok).collect::<Vec<_>>(),
        "the second one takes the first one's place"
    );
    let left = service.clone().oneshot(Ask(Some("b"), 0)).await.unwrap().into_inner();
    assert_eq!(Arc::strong_count(&open), 3);
    drop(left);
    assert_eq!(Arc::strong_count(&open), 2, "the stream is dropped though its record is not");
    let again = service.oneshot(Ask(Some("b"), 0)).await.unwrap();
    assert!(again.replayed().is_none());
    assert_eq!((read(again.into_inner()).await.len(), record.calls()), (5, 3));
}

#[tokio::test(start_paused = true)]
async fn whoever_listens_is_woken_though_another_one_polled() {
    let (go, ready) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (wait, said) = (Arc::clone(&go), Arc::clone(&ready));
    let (inner, _) = script(move |_, _: &Ask| {
        let (wait, said) = (Arc::clone(&wait), Arc::clone(&said));
        let item = async move {
            said.notify_one();
            wait.notified().await;
            Ok::<_, Failed>(1)
        };
        Step::Now(Ok::<Items, Failed>(stream::once(item).boxed()))
    });
    let service = IdempotencyLayer::new().key_by(ByKey).streamed(Failed::from).layer(inner);
    let waiter = service.clone().oneshot(Ask(Some("a"), 0)).await.unwrap().into_inner();
    let mut poller = service.oneshot(Ask(Some("a"), 0)).await.unwrap().into_inner();
    let waiter = tokio::spawn(read(waiter));
    ready.notified().await;
    // Now the other one polls it last, and leaves.
    assert!(poller.next().now_or_never().is_none());
    drop(poller);
    go.notify_one();
    assert_eq!(waiter.await.unwrap(), [Ok(1)]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_panics_is_broken_for_the_others() {
    let (inner, _) = script(|_, _: &Ask| {
        let panics = stream::iter(0..2).map(|n| {
            assert_ne!(n, 1, "as planned");
            Ok::<_, Failed>(n)
        });
        Step::Now(Ok::<Items, Failed>(panics.boxed()))
    });
    let service = IdempotencyLayer::new().key_by(ByKey).streamed(Failed::from).layer(inner);
    let one = service.clone().oneshot(Ask(Some("a"), 0)).await.unwrap().into_inner();
    let other = service.oneshot(Ask(Some("a"), 0)).await.unwrap().into_inner();
    assert!(tokio::spawn(read(one)).await.unwrap_err().is_panic());
    assert_eq!(read(other).await, [Ok(0), Err(FaultKind::Interrupted)]);
}

#[tokio::test(start_paused = true)]
async fn one_who_waits_hears_of_a_panic_that_another_one_met() {
    let polls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&polls);
    let (inner, _) = script(move |_, _: &Ask| {
        let counted = Arc::clone(&counted);
        let panics = stream::poll_fn(move |_| {
            assert_eq!(counted.fetch_add(1, Relaxed), 0, "as planned");
            Poll::Pending::<Option<Result<u32, Failed>>>
        });
        Step::Now(Ok::<Items, Failed>(panics.boxed()))
    });
    let service = IdempotencyLayer::new().key_by(ByKey).streamed(Failed::from).layer(inner);
    let one = service.clone().oneshot(Ask(Some("a"), 0)).await.unwrap().into_inner();
    let other = tokio::spawn(read(service.oneshot(Ask(Some("a"), 0)).await.unwrap().into_inner()));
    while polls.load(Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    assert!(tokio::spawn(read(one)).await.unwrap_err().is_panic());
    let heard = tokio::time::timeout(60 * SECOND, other).await;
    assert_eq!(heard.unwrap().unwrap(), [Err(FaultKind::Interrupted)]);
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_record_runs_from_the_end_of_its_stream() {
    let (inner, record) = script(|n, _: &Ask| Step::Now(Ok::<_, Failed>(items(n, false))));
    let store = Memory::<Recording<Items>>::new().ttl(2 * SECOND);
    let service =
        IdempotencyLayer::new().key_by(ByKey).store(store.clone()).streamed(Failed::from).layer(inner);
    let follow = async |after: u32| {
        tokio::time::sleep(after * SECOND).await;
        read(service.clone().oneshot(Ask(Some("a"), 0)).await.unwrap().into_inner()).await
    };
    let (first, second, third) = tokio::join!(follow(0), follow(3), follow(6));
    assert_eq!((&first, &first, record.calls()), (&second, &third, 1), "it streams for five seconds");
    tokio::time::sleep(2 * SECOND).await;
    // Calls with other keys look after it.
    for key in ["b", "c"] {
        service.clone().oneshot(Ask(Some(key), 0)).await.unwrap();
    }
    assert_eq!(store.len(), 1, "those that were left at once are gone too, but for the last");
    assert_eq!(follow(0).await[0], Ok(30));
}

#[tokio::test(start_paused = true)]
async fn streams_that_broke_take_no_room() {
    let (inner, record) = script(|n, _: &Ask| Step::Now(Ok::<_, Failed>(items(n, n < 3))));
    let store = Memory::<Recording<Items>>::new().capacity(3);
    let service = IdempotencyLayer::new().key_by(ByKey).store(store).streamed(Failed::from).layer(inner);
    for key in ["a", "b", "c"] {
        let broken = service.clone().oneshot(Ask(Some(key), 0)).await.unwrap();
        assert_eq!(read(broken.into_inner()).await.len(), 3);
    }
    let fourth = service.oneshot(Ask(Some("d"), 0)).await.unwrap();
    assert_eq!((read(fourth.into_inner()).await.len(), record.calls()), (5, 4));
}

#[tokio::test(start_paused = true)]
async fn one_who_waited_takes_over_from_one_who_left_at_the_first_token() {
    let (inner, record) = script(|n, _: &Ask| Step::After(SECOND, Ok::<_, Failed>(items(n, false))));
    let service = IdempotencyLayer::new().key_by(ByKey).streamed(Failed::from).layer(inner);
    let ask = || service.clone().oneshot(Ask(Some("a"), 0));
    let mut leaver = Box::pin(ask());
    while record.calls() == 0 {
        assert!(leaver.as_mut().now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    let left_at_once = async { drop(leaver.await.unwrap()) };
    let waits = async { read(ask().await.unwrap().into_inner()).await };
    let ((), items) = tokio::join!(left_at_once, waits);
    assert_eq!((items, record.calls()), ((10..15).map(Ok).collect(), 2));
}

#[tokio::test(start_paused = true)]
async fn one_who_asked_is_there_before_the_first_poll() {
    let (inner, record) = script(|n, _: &Ask| Step::Now(Ok::<_, Failed>(items(n, false))));
    let mut service = IdempotencyLayer::new().key_by(ByKey).streamed(Failed::from).layer(inner);
    let first = service.clone().oneshot(Ask(Some("a"), 0)).await.unwrap();
    let asked = service.ready().await.unwrap().call(Ask(Some("a"), 0));
    let gives_up = service.ready().await.unwrap().call(Ask(Some("a"), 0));
    drop(first);
    let mut second = asked.await.unwrap().into_inner();
    assert_eq!((second.next().await, record.calls()), (Some(Ok(0)), 1));
    drop(second);
    drop(gives_up);
    let last = service.oneshot(Ask(Some("a"), 0)).await.unwrap();
    assert_eq!((read(last.into_inner()).await, record.calls()), ((10..15).map(Ok).collect(), 2));
}

/// The bytes that stay of a kept stream of so many chunks as a model's server writes them, each of one word.
fn kept(chunks: usize) -> i64 {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let chunk = |n: usize| {
        json!({
            "id": "chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz012", "object": "chat.completion.chunk", "created": 1_730_000_000,
            "model": "gpt-4o-2024-08-06", "system_fingerprint": "fp_a7d06e42a7",
            "choices": [{"index": 0, "delta": {"content": format!("word{n:04}")}, "finish_reason": null}],
        })
    };
    let inner = tower::service_fn(move |_: Ask| async move {
        Ok::<_, Failed>(stream::iter((0..chunks).map(move |n| Ok::<_, Failed>(chunk(n)))))
    });
    let service = IdempotencyLayer::new().key_by(ByKey).streamed(Failed::from).packed().layer(inner);
    let play = async |key| {
        let mut played = service.clone().oneshot(Ask(Some(key), 0)).await.unwrap().into_inner().enumerate();
        while let Some((n, item)) = played.next().await {
            assert_eq!(item.unwrap(), chunk(n));
        }
    };
    runtime.block_on(play("warm"));
    let bytes = allocation_counter::measure(|| runtime.block_on(play("kept"))).bytes_current;
    runtime.block_on(play("kept"));
    bytes
}

#[test]
fn a_packed_stream_takes_little_more_than_what_it_said() {
    let (short, long) = (kept(10), kept(1_010));
    assert!(short < 4_096, "{short} bytes");
    let for_a_chunk = (long - short) / 1_000;
    assert!(for_a_chunk < 100, "{for_a_chunk} bytes for a word of eight");
}
