//! Bodies that are streamed, and what can be wrong with them.

use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::whole::{drip, endless};
use crate::{
    chance::{Chance, Purpose},
    fault::{StreamFault, WholeFault},
    line::Ending,
    plan::ModelPlan,
    script::Step,
    wire::{Envelope, Event, EventKind, content_event, error_event},
};

/// How fast a stream goes.
pub(super) struct Tempo<'a> {
    pub(super) plan: &'a ModelPlan,
    pub(super) chance: Chance,
}

/// The bytes of a stream, and where in them each token ends.
struct Joined {
    bytes: Bytes,
    ends: Vec<usize>,
}

/// The stream as it should be.
pub(super) fn paced(events: Vec<Event>, tempo: &Tempo<'_>) -> Vec<Step> {
    let mut steps = Vec::with_capacity(events.len());
    let mut token = 0;
    for event in events {
        if event.kind == EventKind::Token {
            let wait = tempo.before(token);
            token += 1;
            if !wait.is_zero() {
                steps.push(Step::Pause(wait));
            }
        }
        steps.push(Step::Send(event.bytes, event.kind.tokens()));
    }
    steps
}

/// The stream with a fault of streams.
pub(super) fn with_fault(
    mut events: Vec<Event>,
    fault: &StreamFault,
    tempo: &Tempo<'_>,
    envelope: &Envelope<'_>,
) -> Vec<Step> {
    let chance = tempo.chance.to(Purpose::Break);
    let mut last = None;
    match fault {
        StreamFault::Cut { after } => {
            cut(&mut events, *after);
            last = Some(Step::End(Ending::Reset));
        }
        StreamFault::CutAnywhere => {
            cut(&mut events, usize::MAX);
            return cut_anywhere(&Joined::new(&events), chance);
        }
        StreamFault::EndEarly { after } => cut(&mut events, *after),
        StreamFault::NoDone => events.retain(|event| event.kind != EventKind::Done),
        StreamFault::Stall { after } => {
            cut(&mut events, *after);
            last = Some(Step::Hang);
        }
        StreamFault::ErrorEvent { after } => {
            cut(&mut events, *after);
            events.push(error_event());
        }
        StreamFault::MalformedEvent { after } => {
            let malformed =
                Event::new(EventKind::Strange, format!("data: {{\"id\":\"{}\",\"obj\n\n", envelope.id));
            events.insert(position_after(&events, *after), malformed);
        }
        StreamFault::DoubleDone => events.extend(events.last().cloned()),
        StreamFault::RoleOnly => {
            cut(&mut events, 0);
            last = Some(Step::Hang);
        }
        StreamFault::CommentsOnly { interval } => {
            return vec![Step::Repeat(Bytes::from_static(COMMENT), *interval)];
        }
        StreamFault::ErrorFirst => events = vec![error_event()],
        StreamFault::EmptyStream => events.clear(),
        StreamFault::OnlyDone => events.retain(|event| event.kind == EventKind::Done),
        StreamFault::SplitBytes => return split(&Joined::new(&events), chance),
        StreamFault::HugeEvent { size } => {
            events.insert(position_after(&events, 1), content_event(&"x".repeat(*size), envelope));
        }
    }
    paced(events, tempo).into_iter().chain(last).collect()
}

/// The stream with a fault of any body.
pub(super) fn with_whole_fault(mut events: Vec<Event>, fault: &WholeFault, tempo: &Tempo<'_>) -> Vec<Step> {
    match fault {
        WholeFault::HangAfterHeaders => vec![Step::Hang],
        WholeFault::SlowDrip { interval } => {
            let all = Joined::new(&events);
            drip(&all.bytes, *interval, |to| all.tokens(to))
        }
        WholeFault::EndlessBody => {
            let token =
                events.iter().find(|event| event.kind == EventKind::Token).map(|event| event.bytes.clone());
            let token = token.and_then(|bytes| String::from_utf8(bytes.into()).ok());
            cut(&mut events, 1);
            let rest = endless(token.as_deref().unwrap_or(": nothing\n\n"));
            paced(events, tempo).into_iter().chain([rest]).collect()
        }
        _ => paced(events, tempo),
    }
}

const COMMENT: &[u8] = b": keep-alive\n\n";

// === impl Tempo ===

impl Tempo<'_> {
    /// The wait before a token.
    fn before(&self, token: u64) -> Duration {
        let latency = if token == 0 { &self.plan.first_token } else { &self.plan.per_token };
        latency.sample(self.chance.to(Purpose::Token).of(token))
    }
}

// === impl Joined ===

impl Joined {
    fn new(events: &[Event]) -> Self {
        let (mut bytes, mut ends) = (BytesMut::new(), Vec::new());
        for event in events {
            bytes.extend_from_slice(&event.bytes);
            if event.kind == EventKind::Token {
                ends.push(bytes.len());
            }
        }
        Self { bytes: bytes.freeze(), ends }
    }

    /// How many tokens are whole in the first so many bytes.
    fn tokens(&self, bytes: usize) -> u64 {
        self.ends.partition_point(|end| *end <= bytes) as u64
    }

    fn send(&self, from: usize, to: usize) -> Step {
        Step::Send(self.bytes.slice(from..to), Some(self.tokens(to) - self.tokens(from)))
    }
}

/// Where the event after so many tokens stands; where the tokens end, if there are fewer.
fn position_after(events: &[Event], tokens: usize) -> usize {
    let mut left = tokens;
    let position = events.iter().position(|event| match event.kind {
        EventKind::Role => false,
        EventKind::Token if left > 0 => {
            left -= 1;
            false
        }
        _ => true,
    });
    position.unwrap_or(events.len())
}

fn cut(events: &mut Vec<Event>, after: usize) {
    events.truncate(position_after(events, after));
}

fn cut_anywhere(all: &Joined, chance: Chance) -> Vec<Step> {
    let at = usize::try_from(chance.below(all.bytes.len() as u64)).unwrap_or(0);
    vec![all.send(0, at + 1), Step::End(Ending::Reset)]
}

/// Pieces of 1 to 64 bytes, each sent by itself; the first character of several bytes is always broken.
fn split(all: &Joined, chance: Chance) -> Vec<Step> {
    let length = all.bytes.len();
    let inside = all.bytes.iter().position(|byte| !byte.is_ascii()).map_or(0, |lead| lead + 1);
    let mut steps = Vec::new();
    let mut at = 0;
    while at < length {
        let drawn = usize::try_from(chance.of(at as u64).below(64)).unwrap_or(0);
        let mut end = (at + 1 + drawn).min(length);
        if at < inside && inside < end {
            end = inside;
        }
        steps.extend([Step::Flush, all.send(at, end)]);
        at = end;
    }
    steps
}
