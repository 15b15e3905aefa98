//! From a request and its fault to what is sent: the steps of a body, or silence.

mod stream;
mod whole;

use bytes::Bytes;

use crate::{
    answer::{Answer, Usage},
    chance::{Chance, Purpose},
    fault::{FaultSpec, WholeFault},
    ledger::{Work, Worth},
    line::Ending,
    model::Model,
    refusal::{Overlong, Refusal},
    request::{ChatRequest, Request},
    script::Step,
    wire::{self, Envelope},
};

/// What a peer gets.
pub(crate) enum Play {
    /// An answer that says no.
    Refusal(Refusal),
    /// No answer: the connection ends, or nothing happens for ever.
    Silence(Option<Ending>),
    /// An answer under status 200, right or wrong.
    Answer(Played),
}

/// An answer under status 200.
pub(crate) struct Played {
    pub(crate) content_type: &'static str,
    pub(crate) steps: Vec<Step>,
    /// What `content-length` promises; without it the body comes in chunks.
    pub(crate) length: Option<u64>,
    /// What the answer counts for, as far as it is sent.
    pub(crate) work: Work,
    pub(crate) streamed: bool,
}

/// One call that is to be played.
pub(crate) struct Part<'a> {
    pub(crate) request: &'a Request<'a>,
    pub(crate) model: &'a Model,
    pub(crate) prompt: u64,
    pub(crate) fault: Option<&'a FaultSpec>,
    pub(crate) chance: Chance,
    pub(crate) created: u64,
}

// === impl Part ===

impl Part<'_> {
    pub(crate) fn play(&self) -> Play {
        if let Some(FaultSpec::Whole(fault)) = self.fault {
            let window = self.model.plan.context_window.unwrap_or(self.prompt.saturating_sub(1));
            let overlong = Overlong { window, prompt: self.prompt, max_tokens: self.request.max_tokens() };
            if let Some(refusal) = Refusal::planned(fault, &self.model.name, overlong) {
                return Play::Refusal(refusal);
            }
            match fault {
                WholeFault::Reset => return Play::Silence(Some(Ending::Reset)),
                WholeFault::Close => return Play::Silence(Some(Ending::Close)),
                WholeFault::Hang => return Play::Silence(None),
                _ => {}
            }
        }
        Play::Answer(match self.request {
            Request::Chat(chat) => self.chat(chat),
            Request::Embeddings(request) => {
                let fault = self.whole_fault();
                let useless = self.fault.is_some_and(FaultSpec::is_useless);
                let body = wire::embeddings(request, &self.model.name, self.prompt, useless);
                self.whole(body, Usage { prompt: self.prompt, completion: 0 }, fault.as_ref())
            }
        })
    }

    fn chat(&self, chat: &ChatRequest<'_>) -> Played {
        let id = format!("chatcmpl-{:016x}", self.chance.to(Purpose::Id).bits());
        let envelope = Envelope { id, model: &self.model.name, created: self.created };
        let answer = Answer::new(chat, self.prompt);
        if !self.request.streams() {
            let fault = self.whole_fault();
            let answer = spoilt(answer, fault.as_ref());
            return self.whole(wire::completion(&answer, &envelope), answer.usage, fault.as_ref());
        }
        let fault = self.stream_fault(&answer);
        let answer = match &fault {
            Some(FaultSpec::Whole(fault)) => spoilt(answer, Some(fault)),
            _ => answer,
        };
        let events = wire::chunks(&answer, &envelope, chat.include_usage());
        self.streamed(events, answer.usage, fault.as_ref(), &envelope)
    }

    /// The fault of an answer that is not streamed.
    fn whole_fault(&self) -> Option<WholeFault> {
        match self.fault? {
            FaultSpec::Whole(fault) => Some(fault.clone()),
            FaultSpec::Stream(fault) => fault.unstreamed(),
        }
    }

    /// The fault of a streamed answer.
    fn stream_fault(&self, answer: &Answer) -> Option<FaultSpec> {
        let FaultSpec::Whole(whole) = self.fault? else { return self.fault.cloned() };
        let tokens = usize::try_from(answer.usage.completion).unwrap_or(usize::MAX);
        Some(whole.streamed(tokens).map_or_else(|| whole.clone().into(), Into::into))
    }

    fn whole(&self, body: Bytes, usage: Usage, fault: Option<&WholeFault>) -> Played {
        let whole::Body { content_type, steps, length } = whole::body(body, usage.completion, fault);
        Played { content_type, steps, length, work: self.work(usage), streamed: false }
    }

    fn streamed(
        &self,
        events: Vec<wire::Event>,
        usage: Usage,
        fault: Option<&FaultSpec>,
        envelope: &Envelope<'_>,
    ) -> Played {
        if let Some(FaultSpec::Whole(fault @ (WholeFault::Html200 | WholeFault::WrongJson))) = fault {
            return self.whole(Bytes::new(), usage, Some(fault));
        }
        let tempo = stream::Tempo { plan: &self.model.plan, chance: self.chance };
        let steps = match fault {
            None => stream::paced(events, &tempo),
            Some(FaultSpec::Whole(fault)) => stream::with_whole_fault(events, fault, &tempo),
            Some(FaultSpec::Stream(fault)) => stream::with_fault(events, fault, &tempo, envelope),
        };
        Played {
            content_type: "text/event-stream; charset=utf-8",
            steps,
            length: None,
            work: self.work(usage),
            streamed: true,
        }
    }

    /// What the answer counts for.
    fn work(&self, usage: Usage) -> Work {
        let worth = match self.fault {
            Some(fault) if fault.is_useless() => Worth::Useless,
            Some(fault) if !fault.is_harmless() => Worth::Lost,
            _ => Worth::Right,
        };
        Work { usage, worth }
    }
}

/// The answer as a fault of its content leaves it.
fn spoilt(answer: Answer, fault: Option<&WholeFault>) -> Answer {
    match fault {
        Some(WholeFault::Length) => answer.halved("length"),
        Some(WholeFault::ContentFilterFinish) => answer.halved("content_filter"),
        Some(WholeFault::EmptyAnswer) => answer.saying(""),
        Some(WholeFault::NotJson) => {
            answer.saying("Certainly! Here is what I found: it is rather hard to say.")
        }
        Some(WholeFault::HugeBody { size }) => answer.saying(&"x".repeat(*size)),
        _ => answer,
    }
}
