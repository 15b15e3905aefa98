//! Sequences, outages and latencies: what depends on turn and time.

use std::time::Duration;

use mainstay_mock_openai::{Latency, MockOpenAi, ModelPlan, Outage, Plan, StreamFault, Turn, WholeFault};
use tokio::time::{Instant, advance};

use crate::support::{chat, prompt, start};

const MINUTE: Duration = Duration::from_secs(60);

async fn modelled(model: ModelPlan) -> MockOpenAi {
    start(Plan::new().default_model(model)).await
}

async fn status(mock: &MockOpenAi) -> u16 {
    chat(mock, &prompt("x")).await.status()
}

#[tokio::test]
async fn a_sequence_comes_first_and_then_the_mix() {
    let turns: [Turn; 3] = [WholeFault::ServerError.into(), Turn::Ok, StreamFault::ErrorFirst.into()];
    let mock = modelled(ModelPlan::new().sequence(turns).fault(WholeFault::BadGateway, 1.0)).await;
    let mut seen = Vec::new();
    for _ in 0..5 {
        seen.push(status(&mock).await);
    }
    assert_eq!(seen, [500, 200, 200, 502, 502]);
    assert_eq!(mock.stats().outcome("error_first"), 1);
}

#[tokio::test]
async fn each_model_has_its_own_sequence() {
    let mock = modelled(ModelPlan::new().sequence([WholeFault::ServerError])).await;
    for model in ["a", "b"] {
        let request = serde_json::json!({"model": model, "messages": [{"role": "user", "content": "x"}]});
        assert_eq!(chat(&mock, &request).await.status(), 500);
        assert_eq!(chat(&mock, &request).await.status(), 200);
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_has_a_beginning_and_an_end() {
    let mock =
        modelled(ModelPlan::new().outage(Outage::new(MINUTE, WholeFault::BadGateway).until(2 * MINUTE)))
            .await;
    let mut seen = vec![status(&mock).await];
    for _ in 0..2 {
        advance(MINUTE).await;
        seen.push(status(&mock).await);
    }
    assert_eq!(seen, [200, 502, 200]);
}

#[tokio::test(start_paused = true)]
async fn a_flapping_model_goes_down_again_and_again() {
    let outage = Outage::new(MINUTE, WholeFault::BadGateway).until(2 * MINUTE).every(2 * MINUTE);
    let mock = modelled(ModelPlan::new().outage(outage)).await;
    let mut seen = vec![status(&mock).await];
    for _ in 0..4 {
        advance(MINUTE).await;
        seen.push(status(&mock).await);
    }
    assert_eq!(seen, [200, 502, 200, 502, 200]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_takes_as_long_as_its_latency() {
    let shapes = [
        (Latency::Zero, 0..1),
        (Latency::Constant(MINUTE), 60..61),
        (Latency::Uniform { from: MINUTE, to: 2 * MINUTE }, 60..121),
        (Latency::LogNormal { median: MINUTE, sigma: 0.1 }, 36..99),
    ];
    for (latency, expected) in shapes {
        let mock = modelled(ModelPlan::new().latency(latency)).await;
        let before = Instant::now();
        status(&mock).await;
        let took = before.elapsed().as_secs();
        assert!(expected.contains(&took), "{latency:?}: {took}");
    }
}

#[tokio::test(start_paused = true)]
async fn half_of_the_waits_are_below_the_median() {
    let mock = modelled(ModelPlan::new().latency(Latency::LogNormal { median: MINUTE, sigma: 1.0 })).await;
    let mut below = 0;
    for _ in 0..200 {
        let before = Instant::now();
        status(&mock).await;
        below += u32::from(before.elapsed() < MINUTE);
    }
    assert!((65..135).contains(&below), "{below} of 200");
}

#[tokio::test(start_paused = true)]
async fn a_reset_begins_everything_anew() {
    let model = ModelPlan::new()
        .sequence([WholeFault::ServerError])
        .outage(Outage::new(MINUTE, WholeFault::BadGateway));
    let mock = modelled(model).await;
    assert_eq!(status(&mock).await, 500);
    advance(MINUTE).await;
    assert_eq!(status(&mock).await, 502);
    crate::support::post(mock.addr(), "/reset", &serde_json::json!({})).await;
    assert_eq!((mock.stats().calls, status(&mock).await, status(&mock).await), (0, 500, 200));
}
