//! A body as a script: steps that are played one after another.
//!
//! Whatever a server can do to a body, right or wrong, is a list of these few steps. Faults are made by editing lists,
//! without a socket; [`Script`] plays them.

use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use crate::{
    ledger::Call,
    line::{Ending, Line},
};

/// One step of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Send these bytes, and with them so many tokens of the model's answer; none at all where they are not of it.
    Send(Bytes, Option<u64>),
    /// Let what was sent go out before anything more is.
    Flush,
    /// Wait.
    Pause(Duration),
    /// Send these bytes again and again, for ever, so far apart.
    Repeat(Bytes, Duration),
    /// Send nothing more, for ever.
    Hang,
    /// End the connection here.
    End(Ending),
}

/// Plays steps as the body of a response.
///
/// When the first byte of the model's answer is handed over, the call counts as begun; when the last byte is, and not before, as
/// answered: the peer cannot have read what is not counted yet.
pub(crate) struct Script {
    steps: VecDeque<Step>,
    length: Option<u64>,
    sleep: Option<Pin<Box<Sleep>>>,
    line: Line,
    call: Option<Call>,
}

// === impl Script ===

impl Script {
    /// A body of a length that is promised in the headers, or, without one, of chunks.
    pub(crate) fn new(
        steps: impl IntoIterator<Item = Step>,
        length: Option<u64>,
        line: Line,
        call: Option<Call>,
    ) -> Self {
        let mut script = Self { steps: steps.into_iter().collect(), length, sleep: None, line, call };
        script.finish_if_played();
        script
    }

    fn finish_if_played(&mut self) {
        if self.steps.is_empty()
            && let Some(call) = self.call.take()
        {
            call.answered();
        }
    }

    /// Ready once `wait` has passed since it was first asked for.
    fn poll_pause(&mut self, wait: Duration, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep(wait)));
        std::task::ready!(sleep.as_mut().poll(cx));
        self.sleep = None;
        Poll::Ready(())
    }

    fn poll_step(&mut self, step: Step, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        match step {
            Step::Send(bytes, tokens) => {
                if let Some((tokens, call)) = tokens.zip(self.call.as_mut()) {
                    call.hands_over(tokens);
                }
                return Poll::Ready(Some(bytes));
            }
            Step::Flush => cx.waker().wake_by_ref(),
            Step::Pause(wait) => {
                if self.poll_pause(wait, cx).is_ready() {
                    return Poll::Ready(None);
                }
                self.steps.push_front(Step::Pause(wait));
            }
            Step::Repeat(bytes, every) => {
                self.steps.extend([
                    Step::Send(bytes.clone(), None),
                    Step::Pause(every),
                    Step::Repeat(bytes, every),
                ]);
                return Poll::Ready(None);
            }
            Step::Hang => self.steps.push_front(Step::Hang),
            Step::End(ending) => {
                // The call is over before its end can be seen.
                drop(self.call.take());
                self.line.end(ending);
                self.steps.push_front(Step::Hang);
            }
        }
        Poll::Pending
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        while let Some(step) = self.steps.pop_front() {
            let sent = std::task::ready!(self.poll_step(step, cx));
            self.finish_if_played();
            if let Some(bytes) = sent {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.steps.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
