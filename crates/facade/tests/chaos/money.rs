//! The money runs out: quota here, 402 there, our own budget nearly spent; a tenth of the calls invalid, a twentieth overlong.

use mainstay::{ChatRequest, FaultKind};
use mainstay_mock_openai::{ModelPlan, Outage, WholeFault};

use crate::world::{Ask, End, Outcome, Pace, World, count};

const DOLLARS: f64 = 3.0;
const OUT_OF_MONEY: [&str; 2] = ["insufficient_quota", "payment_required"];

fn ask(n: u32) -> Ask {
    match n % 20 {
        3 | 13 => Ask::anything(ChatRequest::new("m")),
        7 => Ask::anything(ChatRequest::new("m").user("x".repeat(20_000))),
        _ => Ask::either(n),
    }
}

async fn money(pace: Pace) {
    let ends =
        |at: f64, fault| ModelPlan::new().context_window(2_000).outage(Outage::new(pace.seconds(at), fault));
    let plans = [
        ends(60.0, WholeFault::InsufficientQuota),
        ends(120.0, WholeFault::PaymentRequired),
        ModelPlan::new().context_window(2_000),
    ];
    let settings = format!("budget = {{ dollars = {DOLLARS}, window = \"1d\" }}");
    let free = "price = { input = 0, output = 0 }";
    let dear = "price = { input = 10, output = 30 }";
    let tiers = format!(
        "{{ models = [{{ on = \"a\", {free} }}, {{ on = \"b\", {free} }}] }}, {{ models = [{{ on = \"c\", {dear} }}] }}"
    );
    let world = World::start(pace, plans, 60.0, &settings, &tiers).await;
    let mut outcomes = world.load(240.0, ask).await;

    let calls = pace.calls as usize;
    let failed = |kind| move |outcome: &Outcome| outcome.fault() == Some(kind);
    assert_eq!(count(&outcomes, failed(FaultKind::InvalidRequest)), calls / 10, "the callers' own mistakes");
    assert_eq!(count(&outcomes, failed(FaultKind::ContextLength)), calls / 20, "no window is large enough");
    let invalid = outcomes.iter().filter(|outcome| outcome.fault() == Some(FaultKind::InvalidRequest));
    assert!(invalid.into_iter().all(|outcome| outcome.attempts == 1), "they are sent once");
    let others = count(&outcomes, |outcome| matches!(outcome.end, End::Failed(_))) - calls / 10 - calls / 20;
    let shed = count(&outcomes, failed(FaultKind::Shed));
    assert_eq!(others, shed, "what else fails is refused here");
    let spent = world.mainstay().status().budgets[0].spent;
    assert!(spent <= DOLLARS, "${spent} of ${DOLLARS}");
    // All know of it by now: whoever comes later is not sent there, one after the other or all at once.
    let told = |world: &World| [0, 1].map(|mock| world.mocks[mock].stats().outcome(OUT_OF_MONEY[mock]));
    let before = told(&world);
    let later = world.load_some(20, 1.0, Ask::either, |_| {}).await;
    assert_eq!(told(&world), before, "a backend without money is set aside");
    outcomes.extend(later);
    // Those that are under way when it is learned have been sent; on a real clock these may be many.
    let most = if pace.is_simulated { 2 } else { u64::from(pace.calls) };
    assert!(before.iter().all(|told| (1..=most).contains(told)), "{before:?}");
    world.end(&outcomes, pace.calls + 20).await;
}

#[tokio::test(start_paused = true)]
async fn chaos_2_the_money_runs_out() {
    money(Pace::SIMULATED).await;
}

#[tokio::test]
async fn chaos_2_in_brief() {
    money(Pace::BRIEF).await;
}
