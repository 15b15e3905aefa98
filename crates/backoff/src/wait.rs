use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};

pin_project! {
    /// The wait before a retry. A wait of zero is over at once, without a timer.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Wait {
        #[pin]
        sleep: Option<Sleep>,
    }
}

// === impl Wait ===

impl Wait {
    pub(crate) fn new(delay: Duration) -> Self {
        Self { sleep: (!delay.is_zero()).then(|| sleep(delay)) }
    }
}

impl Future for Wait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.project().sleep.as_pin_mut() {
            Some(sleep) => sleep.poll(cx),
            None => Poll::Ready(()),
        }
    }
}
