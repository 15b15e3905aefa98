//! Servers that misbehave, a stack before them, callers, and the laws that hold whatever happens.
//!
//! 1. Every call has one outcome, and none panics.
//! 2. What is whole is exactly one backend's answer; what broke is an exact prefix of one, and says that it broke.
//! 3. The servers see no more than the retry budget allows: each call once in each tier, a fifth more than the calls, and what was saved up.
//! 4. No call takes longer than its deadline.
//! 5. When all is over nothing is left: no call in flight, no place taken, no caller in a queue, no task.

use std::{collections::BTreeMap, fmt::Write, time::Duration};

use futures_util::StreamExt;
use mainstay::{ChatRequest, Fault, FaultKind, HasFault, Mainstay};
use mainstay_mock_openai::{MockOpenAi, ModelPlan, Plan, Stats};
use tokio::{
    runtime::Handle,
    task::{JoinSet, yield_now},
    time::{Instant, sleep_until, timeout},
};

/// How fast time goes, and how much happens in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// What a second of the scenario takes.
    pub(crate) second: Duration,
    pub(crate) calls: u32,
    pub(crate) is_simulated: bool,
}

/// A stack before servers `a`, `b`, `c`, all of which serve the model `m`.
pub(crate) struct World {
    pub(crate) pace: Pace,
    pub(crate) mocks: Vec<MockOpenAi>,
    pub(crate) mainstay: Mainstay,
    pub(crate) toml: String,
    answers: Vec<String>,
    deadline: Duration,
    tiers: u32,
    tasks_before: usize,
    began: Instant,
}

/// What a caller wants.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) request: ChatRequest,
    pub(crate) streams: bool,
    /// When the caller goes away, if it does.
    pub(crate) leaves_after: Option<Duration>,
    /// Which of the questions whose answers are known.
    pub(crate) prompt: Option<usize>,
}

/// What became of a call.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) end: End,
    pub(crate) attempts: usize,
    prompt: Option<usize>,
    took: Duration,
}

#[derive(Debug)]
pub(crate) enum End {
    Whole(String),
    /// A stream that broke, after this text.
    Broke(String),
    Failed(Fault),
    /// The caller went away.
    Left,
}

/// The retries that are saved up, and those a second that there are in any case.
const BURST: u32 = 20;
const FLOOR: f64 = 0.1;
const PROMPTS: [&str; 6] = [
    "What is a mainstay?",
    "Tell me of the sea, in three sentences.",
    "Wie heißt das Meer zwischen Kreta und Ägypten?",
    "Count the masts of a full-rigged ship.",
    "海について話してください。",
    "Who was the first to sail around the world, and did he arrive?",
];

// === impl Pace ===

impl Pace {
    /// A paused clock.
    pub(crate) const SIMULATED: Self =
        Self { second: Duration::from_secs(1), calls: 600, is_simulated: true };
    /// A real one, on which a second takes 10 ms.
    pub(crate) const BRIEF: Self = Self { second: Duration::from_millis(10), calls: 60, is_simulated: false };

    pub(crate) fn seconds(self, seconds: f64) -> Duration {
        self.second.mul_f64(seconds)
    }

    /// The same as a configuration says it.
    pub(crate) fn toml(self, seconds: f64) -> String {
        format!("\"{}us\"", self.seconds(seconds).as_micros())
    }
}

// === impl World ===

impl World {
    /// Starts the servers, and the stack with a deadline of so many seconds. Every fault is met with retries from 1 s on.
    pub(crate) async fn start(
        pace: Pace,
        plans: impl IntoIterator<Item = ModelPlan>,
        deadline: f64,
        settings: &str,
        tiers: &str,
    ) -> Self {
        let tasks_before = Handle::current().metrics().num_alive_tasks();
        let clean = MockOpenAi::builder().start().await.unwrap();
        let mut mocks = Vec::new();
        let budget =
            format!("{{ ratio = 0.2, floor = {}, burst = {BURST} }}", FLOOR / pace.second.as_secs_f64());
        let mut toml =
            format!("deadline = {}\nmax_wait = {}\n{settings}\n", pace.toml(deadline), pace.toml(20.0));
        writeln!(toml, "[retry]\nbase = {}\ncap = {}\nbudget = {budget}", pace.toml(1.0), pace.toml(10.0))
            .unwrap();
        for (at, plan) in plans.into_iter().enumerate() {
            let plan = Plan::new().seed(17 + at as u64).model("m", plan);
            let mock = MockOpenAi::builder().plan(plan).start().await.unwrap();
            let name = ["a", "b", "c"][at];
            writeln!(toml, "[backends.{name}]\nbase_url = {:?}", mock.base_url()).unwrap();
            mocks.push(mock);
        }
        writeln!(toml, "[routes.m]\ntiers = [{tiers}]").unwrap();
        let mainstay = Mainstay::from_toml(&toml).unwrap();
        let answers = answers(&clean).await;
        drop(clean.stop().await);
        let tiers = u32::try_from(tiers.matches("models").count()).unwrap();
        let (deadline, began) = (pace.seconds(deadline), Instant::now());
        Self { pace, mocks, mainstay, toml, answers, deadline, tiers, tasks_before, began }
    }

    /// Makes the pace's calls, spread over so many seconds.
    pub(crate) async fn load(&self, over: f64, ask: impl Fn(u32) -> Ask) -> Vec<Outcome> {
        self.load_some(self.pace.calls, over, ask, |_| {}).await
    }

    /// Makes so many calls, spread over so many seconds, and before each of them does something else. In the order of the calls.
    pub(crate) async fn load_some(
        &self,
        how_many: u32,
        over: f64,
        ask: impl Fn(u32) -> Ask,
        before: impl Fn(u32),
    ) -> Vec<Outcome> {
        let (began, over, mut calls) = (Instant::now(), self.pace.seconds(over), JoinSet::new());
        for n in 0..how_many {
            sleep_until(began + over * n / how_many).await;
            before(n);
            let call = ask(n).of(self.mainstay.clone());
            calls.spawn(async move { (n, call.await) });
        }
        let mut outcomes = calls.join_all().await;
        outcomes.sort_unstable_by_key(|(n, _)| *n);
        outcomes.into_iter().map(|(_, outcome)| outcome).collect()
    }

    /// Looks whether all laws hold, now that all calls are over; returns what the servers have seen.
    pub(crate) async fn end(self, outcomes: &[Outcome], calls: u32) -> Vec<Stats> {
        assert_eq!(outcomes.len(), calls as usize, "one outcome for each call");
        for outcome in outcomes {
            self.check(outcome);
        }
        let status = self.mainstay.status();
        assert!(status.backends.iter().all(|backend| backend.in_flight == 0), "places in flight: {status}");
        assert!(status.limits.iter().all(|limit| limit.waiting == 0), "callers in a queue: {status}");
        let seconds = self.began.elapsed().as_secs_f64() / self.pace.second.as_secs_f64();
        drop(self.mainstay);
        let mut seen_by = Vec::new();
        for mock in self.mocks {
            seen_by.push(mock.stop().await);
        }
        let seen: u64 = seen_by.iter().map(|stats| stats.calls).sum();
        let allowed = (f64::from(self.tiers) + 0.2) * f64::from(calls) + f64::from(BURST) + FLOOR * seconds;
        assert!(seen as f64 <= allowed, "the servers saw {seen} of {calls} calls, more than {allowed}");
        settle(self.tasks_before).await;
        seen_by
    }

    fn check(&self, outcome: &Outcome) {
        let answer = outcome.prompt.map(|prompt| &*self.answers[prompt]);
        match (&outcome.end, answer) {
            (End::Whole(text), Some(answer)) => assert_eq!(text, answer, "marked as whole"),
            (End::Broke(text), Some(answer)) => assert!(answer.starts_with(text), "{text:?} of {answer:?}"),
            _ => {}
        }
        if self.pace.is_simulated {
            let over = outcome.took.saturating_sub(self.deadline);
            assert!(over < Duration::from_millis(50), "{over:?} past its deadline: {outcome:?}");
        }
    }
}

/// Waits until the tasks of connections have seen that their ends are gone.
async fn settle(before: usize) {
    let alive = || Handle::current().metrics().num_alive_tasks();
    for _ in 0..10_000 {
        if alive() <= before {
            return;
        }
        yield_now().await;
    }
    panic!("{} tasks are left, {before} were there", alive());
}

/// What a server that is well says.
async fn answers(clean: &MockOpenAi) -> Vec<String> {
    let mainstay = Mainstay::builder().base_url(clean.base_url()).build().unwrap();
    let mut answers = Vec::new();
    for prompt in PROMPTS {
        let answer = mainstay.chat(ChatRequest::new("m").user(prompt)).await.unwrap();
        answers.push(answer.text().into_owned());
    }
    answers
}

// === impl Ask ===

impl Ask {
    /// Asks one of some questions, to be answered whole.
    pub(crate) fn whole(n: u32) -> Self {
        let prompt = n as usize % PROMPTS.len();
        let request = ChatRequest::new("m").user(PROMPTS[prompt]);
        Self { request, streams: false, leaves_after: None, prompt: Some(prompt) }
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
        Self { request, streams: false, leaves_after: None, prompt: None }
    }

    pub(crate) fn key(mut self, key: impl Into<String>) -> Self {
        self.request = self.request.key(key.into());
        self
    }

    async fn of(self, mainstay: Mainstay) -> Outcome {
        let (began, prompt) = (Instant::now(), self.prompt);
        let patience = self.leaves_after.unwrap_or(Duration::MAX);
        let (end, attempts) = timeout(patience, self.ask(mainstay)).await.unwrap_or((End::Left, 0));
        Outcome { end, attempts, prompt, took: began.elapsed() }
    }

    async fn ask(self, mainstay: Mainstay) -> (End, usize) {
        if !self.streams {
            return match mainstay.chat(self.request).await {
                Ok(reply) => (End::Whole(reply.text().into_owned()), reply.report.attempts.len()),
                Err(failure) => (End::Failed(failure.fault()), failure.report().attempts.len()),
            };
        }
        let mut stream = match mainstay.chat_stream(self.request).await {
            Ok(stream) => stream,
            Err(failure) => return (End::Failed(failure.fault()), failure.report().attempts.len()),
        };
        let (mut text, mut broke) = (String::new(), false);
        while let Some(item) = stream.next().await {
            match item {
                Ok(chunk) => text.push_str(chunk.text()),
                Err(error) => {
                    assert_eq!(error.fault().kind, FaultKind::Interrupted, "{error}");
                    broke = true;
                }
            }
        }
        let end = if broke { End::Broke(text) } else { End::Whole(text) };
        (end, stream.report().attempts.len())
    }
}

// === impl Outcome ===

impl Outcome {
    pub(crate) const fn is_whole(&self) -> bool {
        matches!(self.end, End::Whole(_))
    }

    pub(crate) fn fault(&self) -> Option<FaultKind> {
        match &self.end {
            End::Failed(fault) => Some(fault.kind),
            _ => None,
        }
    }
}

/// How many outcomes are as asked for.
pub(crate) fn count(outcomes: &[Outcome], is: impl Fn(&Outcome) -> bool) -> usize {
    outcomes.iter().filter(|outcome| is(outcome)).count()
}

/// Asserts that at least this share of the calls was answered whole.
pub(crate) fn assert_answered(outcomes: &[Outcome], share: f64) {
    let whole = count(outcomes, Outcome::is_whole);
    let mut faults = BTreeMap::<_, usize>::new();
    for fault in outcomes.iter().filter_map(Outcome::fault) {
        *faults.entry(fault.as_str()).or_default() += 1;
    }
    assert!(
        whole as f64 >= share * outcomes.len() as f64,
        "{whole} of {} answered: {faults:?}",
        outcomes.len()
    );
}
