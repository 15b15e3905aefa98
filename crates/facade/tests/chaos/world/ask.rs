//! What callers want.

use std::time::Duration;

use futures_util::StreamExt;
use mainstay::{ChatRequest, FaultKind, HasFault, Mainstay, Report};
use tokio::time::{Instant, timeout};

use super::{End, Outcome};

/// What a caller wants.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) request: ChatRequest,
    pub(crate) streams: bool,
    /// When the caller goes away, if it does.
    pub(crate) leaves_after: Option<Duration>,
    /// Which of the questions whose answers are known.
    pub(crate) prompt: Option<usize>,
    pub(crate) key: Option<String>,
}

pub(super) const PROMPTS: [&str; 6] = [
    "What is a mainstay?",
    "Tell me of the sea, in three sentences.",
    "Wie heißt das Meer zwischen Kreta und Ägypten?",
    "Count the masts of a full-rigged ship.",
    "海について話してください。",
    "Who was the first to sail around the world, and did he arrive?",
];

// === impl Ask ===

impl Ask {
    /// Asks one of some questions, to be answered whole.
    pub(crate) fn whole(n: u32) -> Self {
        let prompt = n as usize % PROMPTS.len();
        let request = ChatRequest::new("m").user(PROMPTS[prompt]);
        Self { prompt: Some(prompt), ..Self::anything(request) }
    }

    /// The same, to be answered as a stream.
    pub(crate) fn stream(n: u32) -> Self {
        Self { streams: true, ..Self::whole(n) }
    }

    /// Every other one as a stream.
    pub(crate) fn either(n: u32) -> Self {
        if n.is_multiple_of(2) { Self::stream(n / 2) } else { Self::whole(n / 2) }
    }

    /// Asks something of which the answer does not matter.
    pub(crate) fn anything(request: ChatRequest) -> Self {
        Self { request, streams: false, leaves_after: None, prompt: None, key: None }
    }

    pub(crate) fn key(self, key: impl Into<String>) -> Self {
        let key = key.into();
        Self { request: self.request.key(key.clone()), key: Some(key), ..self }
    }

    pub(super) async fn of(self, mainstay: Mainstay) -> Outcome {
        let (began, prompt, key) = (Instant::now(), self.prompt, self.key);
        let patience = self.leaves_after.unwrap_or(Duration::MAX);
        let asking = ask(self.request, self.streams, mainstay);
        let (end, report) = timeout(patience, asking).await.unwrap_or_default();
        let (attempts, timeouts) = (report.attempts.len(), timeouts(&report));
        Outcome { end, attempts, timeouts, prompt, key, took: began.elapsed() }
    }
}

/// How many attempts timed out.
fn timeouts(report: &Report) -> usize {
    let timed_out =
        report.attempts.iter().filter(|it| it.fault.is_some_and(|it| it.kind == FaultKind::Timeout));
    timed_out.count()
}

async fn ask(request: ChatRequest, streams: bool, mainstay: Mainstay) -> (End, Report) {
    if !streams {
        return match mainstay.chat(request).await {
            Ok(reply) => (End::Whole(reply.text().into_owned()), reply.report),
            Err(failure) => (End::Failed(failure.fault()), failure.report().clone()),
        };
    }
    let mut stream = match mainstay.chat_stream(request).await {
        Ok(stream) => stream,
        Err(failure) => return (End::Failed(failure.fault()), failure.report().clone()),
    };
    let (mut text, mut broke) = (String::new(), false);
    while let Some(item) = stream.next().await {
        match item {
            Ok(chunk) => text.push_str(&chunk.text()),
            Err(error) => {
                assert_eq!(error.fault().kind, FaultKind::Interrupted, "{error}");
                broke = true;
            }
        }
    }
    (if broke { End::Broke(text) } else { End::Whole(text) }, stream.report())
}
