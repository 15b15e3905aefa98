use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Sleep, sleep};

/// The wait before a retry. A wait of zero is over at once, without a timer.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Wait {
    /// Boxed, so that calls which do not wait carry no room for a timer.
    sleep: Option<Pin<Box<Sleep>>>,
}

// === impl Wait ===

impl Wait {
    pub(crate) fn new(delay: Duration) -> Self {
        Self { sleep: (!delay.is_zero()).then(|| Box::pin(sleep(delay))) }
    }
}

impl Future for Wait {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().poll(cx),
            None => Poll::Ready(()),
        }
    }
}
