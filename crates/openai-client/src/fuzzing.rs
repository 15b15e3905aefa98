//! The parsers of what comes from the network, without a network, for the fuzz targets.

use std::{
    sync::LazyLock,
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    Accumulator, ChatResponse, Client, Error,
    body::TimedBody,
    endpoint::Operation,
    events::{Event, Events},
    future::unreadable,
    progress::Progress,
    send::Origin,
    time_limit::TimeLimit,
};

/// Reads bytes as the body of a stream, to its end.
pub fn stream(bytes: &[u8]) {
    let origin = origin();
    let time = TimeLimit::new(Instant::now(), Duration::MAX);
    let body = TimedBody::new(reqwest::Body::from(bytes.to_vec()), time);
    let mut events = Events::new(body, 1 << 16);
    let (mut progress, mut whole) = (Progress::new(None), Accumulator::default());
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        match events.poll_event(&origin, &mut cx) {
            Poll::Ready(Event::Chunk(chunk)) => {
                progress.note(&chunk);
                whole.push(*chunk);
            }
            Poll::Ready(Event::Failed(error)) => {
                show(&error.interrupted(false));
                break;
            }
            Poll::Ready(Event::Done | Event::End) | Poll::Pending => break,
        }
    }
    let _ = serde_json::to_vec(&whole.finish(http::HeaderMap::new()));
}

/// Reads bytes as a response's body: an answer, or an error of any status.
pub fn body(status: u16, bytes: &[u8]) {
    let origin = origin();
    let Ok(status) = http::StatusCode::from_u16(status) else { return };
    show(&Error::refused(&origin, status, http::HeaderMap::new(), bytes));
    match serde_json::from_slice::<ChatResponse>(bytes) {
        Ok(answer) => {
            let again = serde_json::to_value(&answer).expect("what was read can be written");
            assert_eq!(
                serde_json::from_value::<ChatResponse>(again).ok(),
                Some(answer),
                "and is read as the same"
            );
        }
        Err(_) => show(&unreadable::<ChatResponse>(&origin, status, http::HeaderMap::new(), bytes)),
    }
}

fn show(error: &Error) {
    assert!(!error.to_string().is_empty() && !format!("{error:?}").is_empty());
}

fn origin() -> Origin {
    static CLIENT: LazyLock<Client> = LazyLock::new(|| {
        Client::builder().base_url("http://127.0.0.1:1/v1").build().expect("the URL is one")
    });
    Origin { shared: CLIENT.shared.clone(), operation: Operation::Chat }
}
