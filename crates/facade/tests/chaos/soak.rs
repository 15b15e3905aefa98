//! Every fault at once, for an hour.
//!
//! Of the calls whose callers stay, 99.9 % end properly: answered whole, or, where a stream broke after its first token and nothing could
//! repair it, ended in an explicit error after an exact prefix of the answer.

mod faults;
mod memory;

use std::{env, time::Duration};

use mainstay_mock_openai::{ModelPlan, Stats};

use self::{
    faults::{faulty, purse_and_key},
    memory::Memory,
};
use crate::world::{Ask, End, Outcome, Pace, World, count};

/// A soak: how long, and the calls a minute that there are in it.
#[derive(Clone, Copy, Debug)]
struct Soak {
    pace: Pace,
    seconds: f64,
    rate: f64,
}

/// What an answer may take of the limits until it has told what it used.
const MAX_TOKENS: u32 = 200;
/// The seconds for which answers are kept.
const KEPT: f64 = 50.0;
const KINDS_OF_ONE: [&str; 2] = ["insufficient_quota", "unauthorized"];

// === impl Soak ===

impl Soak {
    fn new(pace: Pace, seconds: f64) -> Self {
        let rate = f64::from(pace.calls) / pace.seconds(seconds).as_secs_f64() * 60.0;
        Self { pace, seconds, rate }
    }

    /// Nobody's limits are enough for all: a share of the calls a minute, and of the tokens that these may take.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive, and far below the most"
    )]
    fn limits(self, share: f64) -> (u64, u64) {
        let requests = (self.rate * share).max(50.0);
        (requests as u64, (requests * f64::from(MAX_TOKENS + 50)) as u64)
    }

    /// Each is down for a minute now and then, one runs out of money, and one's key is not known for a while.
    fn plans(self) -> [ModelPlan; 3] {
        let (requests, tokens) = self.limits(0.9);
        let [quota, key] = purse_and_key(self.pace, [0.6 * self.seconds, 0.8 * self.seconds]);
        let plans = [
            faulty(self.pace, 2.0).outage(quota),
            faulty(self.pace, 6.0).outage(key),
            faulty(self.pace, 10.0),
        ];
        plans.map(|plan| plan.requests_per_minute(requests).tokens_per_minute(tokens))
    }

    async fn start(self) -> World {
        let settings = format!(
            "attempt_timeout = {0}\nfirst_token_timeout = {0}\nbetween_tokens_timeout = {0}\n[idempotency]\nttl = {1}",
            self.pace.limit(5.0),
            self.pace.limit(KEPT)
        );
        let (requests, tokens) = self.limits(0.84);
        let of = |on: &str| {
            format!(
                r#"{{ on = "{on}", in_flight = 50, requests_per_minute = {requests}, tokens_per_minute = {tokens} }}"#
            )
        };
        let tiers = format!("{{ models = [{}, {}] }}, {{ models = [{}] }}", of("a"), of("b"), of("c"));
        let mut world = World::start(self.pace, self.plans(), 60.0, &settings, &tiers).await;
        // Two of three are well at any time: no call needs more than one pass, and the budget.
        world.passes = 1;
        world
    }

    /// Each tenth caller asks what another asks at the same time; each fiftieth goes away.
    fn ask(self, n: u32) -> Ask {
        let twin = if n % 10 == 9 { n - 1 } else { n };
        let leaves_after = (n % 50 == 17).then(|| self.pace.seconds(0.3));
        let asked = Ask::either(twin);
        let request = asked.request.clone().max_tokens(MAX_TOKENS);
        Ask { request, leaves_after, ..asked }.key(format!("k{twin}"))
    }

    /// The calls of one quarter.
    async fn quarter(self, world: &World, quarter: u32) -> Vec<Outcome> {
        let calls = self.pace.calls / 4;
        let again = |n: u32| {
            if n % 500 == 499 {
                world.reload();
            }
        };
        world.load_some(calls, self.seconds / 4.0, |n| self.ask(quarter * calls + n), again).await
    }

    /// Runs it, and looks whether everything holds.
    fn run(self) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().start_paused(self.pace.is_simulated).build().unwrap();
        let (mut outcomes, mut memory) = (Vec::new(), Memory::default());
        // What is set up once and for all is not what a soak leaves behind.
        runtime.block_on(async { self.start().await.end(&[], 0).await });
        let left_behind = memory::of(|| {
            let world = runtime.block_on(self.start());
            for quarter in 0..4 {
                memory.quarter(|| outcomes.extend(runtime.block_on(self.quarter(&world, quarter))));
            }
            runtime.block_on(self.judge(world, &outcomes));
            outcomes = Vec::new();
        });
        let is_long = self.pace.seconds(self.seconds / 4.0) >= 2 * self.pace.outlasting(KEPT);
        memory.judge(self.pace.calls / 4, left_behind, is_long);
    }

    async fn judge(self, world: World, outcomes: &[Outcome]) {
        let stay = outcomes.len() - count(outcomes, |outcome| matches!(outcome.end, End::Left));
        let failed: Vec<_> = outcomes.iter().filter_map(Outcome::fault).collect();
        let broke = count(outcomes, |outcome| matches!(outcome.end, End::Broke(_)));
        assert!(failed.len() as f64 <= 0.001 * stay as f64, "{} of {stay} failed: {failed:?}", failed.len());
        assert!(broke as f64 <= 0.03 * stay as f64, "{broke} of {stay} broke");
        assert!(stay * 50 >= outcomes.len() * 48, "{stay} of {} stayed", outcomes.len());
        let limits = world.mainstay().status().limits;
        assert!(
            limits.iter().all(|limit| limit.in_flight == Some(50)),
            "all places are given back: {limits:?}"
        );
        world.assert_ran_once(outcomes);
        let stats = world.end(outcomes, self.pace.calls).await;
        let seen = stats.iter().map(|stats| stats.calls).sum::<u64>();
        let amplified = seen as f64 / f64::from(self.pace.calls);
        let (calls, failed) = (outcomes.len(), failed.len());
        eprintln!(
            "{calls} calls: {failed} failed, {broke} broke, {} left; sent: {amplified:.3} a call",
            calls - stay
        );
        self.judge_servers(&stats);
    }

    fn judge_servers(self, stats: &[Stats]) {
        for stats in stats {
            eprintln!("{} calls, {} at once: {:?}", stats.calls, stats.peak_in_flight, stats.by_outcome);
            assert!(stats.peak_in_flight <= 50, "never more at once than may be");
            assert_eq!(stats.limited, 0, "no limit is ever met: {:?}", stats.by_outcome);
        }
        for (stats, kind) in stats.iter().zip(KINDS_OF_ONE) {
            assert!(!self.pace.is_simulated || stats.outcome(kind) > 0, "{kind}: {:?}", stats.by_outcome);
        }
        for kind in faults::names() {
            let befell: u64 = stats.iter().map(|stats| stats.outcome(kind)).sum();
            assert!(!self.pace.is_simulated || befell > 0, "{kind}");
        }
    }
}

#[test]
fn soak_of_an_hour() {
    Soak::new(Pace { calls: 10_000, ..Pace::SIMULATED }, 3_600.0).run();
}

/// Four seconds, unless `MAINSTAY_SOAK_SECONDS` says how many.
#[test]
fn soak_in_real_time() {
    let seconds: u32 = env::var("MAINSTAY_SOAK_SECONDS").map_or(4, |text| text.parse().unwrap());
    let pace = Pace { second: Duration::from_millis(100), calls: 100 * seconds, ..Pace::BRIEF };
    Soak::new(pace, 10.0 * f64::from(seconds)).run();
}
