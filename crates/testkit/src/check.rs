use std::{
    convert::Infallible,
    fmt::Debug,
    future::{Future, poll_fn},
    pin::pin,
    task::Context,
    time::Duration,
};

use futures_util::task::noop_waker_ref;
use tower_layer::Layer;
use tower_service::Service;

use crate::{Script, Step, script};

type Answer = Step<u32, Infallible>;

/// A [`Script`] of the plain shape that the checks use: numbers in, numbers out, never an error.
type Plain = Script<fn(usize, &u32) -> Answer, u32>;

/// Checks that a layer keeps tower's contract of readiness, over a service that panics when it does not.
///
/// The layer must pass a call through unchanged when nothing goes wrong. Checked: a call in order; calls one after
/// another; a clone taken from a ready service; readiness given up without a call; calls in parallel.
///
/// # Panics
///
/// Where the layer breaks the contract.
pub async fn check_contract<L>(layer: &L)
where
    L: Layer<Plain>,
    L::Service: Service<u32, Response = u32> + Clone,
    <L::Service as Service<u32>>::Error: Debug,
{
    let (inner, record) = script(echo as fn(usize, &u32) -> Answer);
    let mut service = layer.layer(inner);
    for request in 0..3 {
        ready(&mut service).await;
        assert_eq!(service.call(request).await.expect("the inner service never fails"), request);
    }
    assert_eq!(record.calls(), 3, "each call reaches the inner service once");

    ready(&mut service).await;
    let mut clone = service.clone();
    ready(&mut clone).await;
    let (first, second) = (service.call(10), clone.call(11));
    let (first, second) = futures_util::future::join(first, second).await;
    assert_eq!(first.expect("the inner service never fails"), 10);
    assert_eq!(second.expect("the inner service never fails"), 11);

    ready(&mut clone).await;
    drop(clone);
    ready(&mut service).await;
    assert_eq!(service.call(12).await.expect("the inner service never fails"), 12);
    assert_eq!((record.in_flight(), record.dropped()), (0, 0));
}

/// Checks that a call can be dropped at any point without leaking: before its first poll, while the inner service
/// works, and with the service usable afterwards.
///
/// # Panics
///
/// Where the inner call outlives the layer's future, or the layer does not serve any more.
pub async fn check_cancel<L>(layer: &L)
where
    L: Layer<Plain>,
    L::Service: Service<u32, Response = u32> + Clone,
    <L::Service as Service<u32>>::Error: Debug,
{
    let (inner, record) = script(hang_on_zero as fn(usize, &u32) -> Answer);
    let mut service = layer.layer(inner);
    for _ in 0..64 {
        ready(&mut service).await;
        drop(service.call(0));
        ready(&mut service).await;
        let mut call = pin!(service.call(0));
        for _ in 0..4 {
            let polled = call.as_mut().poll(&mut Context::from_waker(noop_waker_ref()));
            assert!(polled.is_pending(), "the inner service never answers");
        }
    }
    assert_eq!(record.in_flight(), 0, "a dropped call drops the inner call");

    ready(&mut service).await;
    assert_eq!(service.call(7).await.expect("the inner service never fails"), 7);
    let slow = Duration::from_millis(1);
    ready(&mut service).await;
    let dropped = tokio::time::timeout(slow, service.call(0)).await;
    assert!(dropped.is_err(), "the inner service never answers");
    assert_eq!(record.in_flight(), 0, "a call dropped by a timeout drops the inner call");
}

async fn ready<S: Service<u32>>(service: &mut S)
where
    S::Error: Debug,
{
    poll_fn(|cx| service.poll_ready(cx)).await.expect("the inner service never fails");
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "a script sees its request by reference")]
fn echo(_: usize, request: &u32) -> Answer {
    Step::Now(Ok(*request))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "a script sees its request by reference")]
fn hang_on_zero(_: usize, request: &u32) -> Answer {
    match request {
        0 => Step::Hang,
        request => Step::Now(Ok(*request)),
    }
}
