//! Servers that misbehave, a stack before them, callers, and the laws that hold whatever happens.
//!
//! 1. Every call has one outcome, and none panics.
//! 2. What is whole is exactly one backend's answer; what broke is an exact prefix of one, and says that it broke.
//! 3. The servers see no more than the retry budget allows: each call once in each tier that it may need, a fifth more than the calls, and
//!    what was saved up.
//! 4. No call takes longer than its deadline.
//! 5. When all is over nothing is left: no call in flight, no place taken, no caller in a queue, no task.
//! 6. What has an idempotency key runs once (where keys are kept: [`World::assert_ran_once`]).

mod ask;
mod outcome;
mod pace;

use std::{
    borrow::Cow,
    fmt::Write,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use mainstay::{ChatRequest, Config, Mainstay};
use mainstay_mock_openai::{MockOpenAi, ModelPlan, Plan, Stats};
use tokio::{
    runtime::Handle,
    task::{JoinSet, yield_now},
    time::{Instant, sleep_until},
};

pub(crate) use self::{
    ask::Ask,
    outcome::{End, Outcome, assert_answered, count},
    pace::Pace,
};

/// A stack before servers `a`, `b`, `c`, all of which serve the model `m`.
pub(crate) struct World {
    pub(crate) pace: Pace,
    pub(crate) mocks: Vec<MockOpenAi>,
    /// How often a call may come by without a retry: once in each tier, unless a scenario says that it needs less.
    pub(crate) passes: u32,
    toml: String,
    mainstay: Mutex<Mainstay>,
    answers: Vec<String>,
    deadline: Duration,
    tasks_before: usize,
    began: Instant,
}

/// The retries that are saved up, and those a second that there are in any case.
const BURST: u32 = 20;
const FLOOR: f64 = 0.1;

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
        let answers = answers().await;
        let mut toml =
            format!("deadline = {}\nmax_wait = {}\n{settings}\n", pace.limit(deadline), pace.limit(20.0));
        let floor = FLOOR / pace.second.as_secs_f64();
        let budget = format!("{{ ratio = 0.2, floor = {floor}, burst = {BURST} }}");
        writeln!(toml, "[retry]\nbase = {}\ncap = {}\nbudget = {budget}", pace.toml(1.0), pace.toml(10.0))
            .unwrap();
        let mut mocks = Vec::new();
        for (at, plan) in plans.into_iter().enumerate() {
            let plan = Plan::new().seed(17 + at as u64).model("m", plan);
            let mock = MockOpenAi::builder().plan(plan).start().await.unwrap();
            writeln!(toml, "[backends.{}]\nbase_url = {:?}", ["a", "b", "c"][at], mock.base_url()).unwrap();
            mocks.push(mock);
        }
        writeln!(toml, "[routes.m]\ntiers = [{tiers}]").unwrap();
        let mainstay = Mutex::new(Mainstay::from_toml(&toml).unwrap());
        let passes = u32::try_from(tiers.matches("models").count()).unwrap();
        let (deadline, began) = (pace.seconds(deadline), Instant::now());
        Self { pace, mocks, passes, toml, mainstay, answers, deadline, tasks_before, began }
    }

    /// The stack that there is now.
    pub(crate) fn mainstay(&self) -> Mainstay {
        self.mainstay.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has the stack read its configuration again.
    pub(crate) fn reload(&self) {
        self.mainstay().reload(&self.toml.parse::<Config>().unwrap()).unwrap();
    }

    /// Puts a new stack, as of a new process, in the place of the old one, whose calls end as they began.
    pub(crate) fn restart(&self) {
        let new = Mainstay::from_toml(&self.toml).unwrap();
        *self.mainstay.lock().unwrap_or_else(PoisonError::into_inner) = new;
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
        mut before: impl FnMut(u32),
    ) -> Vec<Outcome> {
        let (began, over, mut calls) = (Instant::now(), self.pace.seconds(over), JoinSet::new());
        for n in 0..how_many {
            sleep_until(began + over * n / how_many).await;
            before(n);
            let call = ask(n).of(self.mainstay());
            calls.spawn(async move { (n, call.await) });
        }
        let mut outcomes = calls.join_all().await;
        outcomes.sort_unstable_by_key(|(n, _)| *n);
        outcomes.into_iter().map(|(_, outcome)| outcome).collect()
    }

    /// Looks whether no key was answered twice, wholly and rightly, by what the servers count. It may have begun again: these servers do not
    /// know keys (`dedupe` is off), and an answer that was cut is rightly asked for once more.
    ///
    /// Where time is real, a machine that is busy can make an attempt time out whose answer the server has sent already. The
    /// retry runs again, and rightly: no client can know. Such a run is excused by an attempt of
    /// that key that did time out, one by one. On a paused clock none is.
    pub(crate) fn assert_ran_once(&self, outcomes: &[Outcome]) {
        let excused = |key: &str| -> u64 {
            let of_key = outcomes.iter().filter(|outcome| outcome.key.as_deref() == Some(key));
            of_key.map(|outcome| outcome.timeouts as u64).sum()
        };
        let stats: Vec<_> = self.mocks.iter().map(MockOpenAi::stats).collect();
        for key in stats.iter().flat_map(|stats| stats.executions.keys()) {
            let ran: u64 = stats.iter().filter_map(|stats| stats.executions.get(key)).sum();
            let allowed = if ran > 1 && !self.pace.is_simulated { 1 + excused(key) } else { 1 };
            assert!(ran <= allowed, "{key} ran {ran} times");
        }
    }

    /// Looks whether all laws hold, now that all calls are over; returns what the servers have seen.
    pub(crate) async fn end(self, outcomes: &[Outcome], calls: u32) -> Vec<Stats> {
        assert_eq!(outcomes.len(), calls as usize, "one outcome for each call");
        for outcome in outcomes {
            self.check(outcome);
        }
        let status = self.mainstay().status();
        assert!(status.backends.iter().all(|backend| backend.in_flight == 0), "places in flight: {status}");
        assert!(status.limits.iter().all(|limit| limit.waiting == 0), "callers in a queue: {status}");
        let seconds = self.began.elapsed().as_secs_f64() / self.pace.second.as_secs_f64();
        drop(self.mainstay);
        let mut seen_by = Vec::new();
        for mock in self.mocks {
            seen_by.push(mock.stop().await);
        }
        let seen: u64 = seen_by.iter().map(|stats| stats.calls).sum();
        let allowed = (f64::from(self.passes) + 0.2) * f64::from(calls) + f64::from(BURST) + FLOOR * seconds;
        assert!(seen as f64 <= allowed, "the servers saw {seen} of {calls} calls, more than {allowed}");
        settle(self.tasks_before).await;
        seen_by
    }

    fn check(&self, outcome: &Outcome) {
        let answer = outcome.prompt.map(|prompt| &*self.answers[prompt]);
        match (&outcome.end, answer) {
            (End::Whole(text), Some(_)) if is_huge(text) => {}
            (End::Whole(text), Some(answer)) => assert_eq!(without_huge(text), answer, "marked as whole"),
            (End::Broke(text), Some(answer)) => {
                assert!(answer.starts_with(&*without_huge(text)), "{text:?} of {answer:?}");
            }
            _ => {}
        }
        if self.pace.is_simulated {
            let over = outcome.took.saturating_sub(self.deadline);
            assert!(over < Duration::from_millis(50), "{over:?} past its deadline: {outcome:?}");
        }
    }
}

/// Whether a text is what a server that is huge says instead of an answer.
fn is_huge(text: &str) -> bool {
    text.len() >= 1 << 16 && text.bytes().all(|byte| byte == b'x')
}

/// A text without what the server's huge event has put into it.
fn without_huge(text: &str) -> Cow<'_, str> {
    match (text.find("xxxx"), text.rfind("xxxx")) {
        (Some(from), Some(to)) if text[from..to].bytes().all(|byte| byte == b'x') => {
            (text[..from].to_owned() + &text[to + 4..]).into()
        }
        _ => text.into(),
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
async fn answers() -> Vec<String> {
    let clean = MockOpenAi::builder().start().await.unwrap();
    let mainstay = Mainstay::builder().base_url(clean.base_url()).build().unwrap();
    let mut answers = Vec::new();
    for prompt in ask::PROMPTS {
        let answer = mainstay.chat(ChatRequest::new("m").user(prompt)).await.unwrap();
        answers.push(answer.text().into_owned());
    }
    drop(clean.stop().await);
    answers
}
