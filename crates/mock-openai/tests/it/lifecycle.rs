//! Starting and stopping.

use std::{io, time::Duration};

use mainstay_mock_openai::{Latency, MockOpenAi, ModelPlan, Plan, Turn, WholeFault};
use tokio::{io::AsyncReadExt, net::TcpStream};

use crate::support::{chat, open_chat, prompt, read_to_end, start, streamed};

#[tokio::test]
async fn a_dropped_server_refuses_connections_at_once() {
    let mock = start(Plan::new()).await;
    let addr = mock.addr();
    assert_eq!(chat(&mock, &prompt("x")).await.status(), 200);
    drop(mock);
    let refused = TcpStream::connect(addr).await.map(drop).map_err(|error| error.kind());
    assert_eq!(refused, Err(io::ErrorKind::ConnectionRefused));
}

#[tokio::test]
async fn a_dropped_server_closes_its_connections() {
    let mock = start(Plan::new().default_model(ModelPlan::new().fault(WholeFault::Hang, 1.0))).await;
    let mut stream = open_chat(&mock, &prompt("x")).await;
    while mock.stats().outcome("hang") == 0 {
        tokio::task::yield_now().await;
    }
    drop(mock);
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_stopped_server_lets_answers_end_and_waits_for_no_hang() {
    let half_a_second = Latency::Constant(Duration::from_millis(500));
    let turns: [Turn; 2] = [Turn::Ok, WholeFault::Hang.into()];
    let model = ModelPlan::new().first_token(half_a_second).sequence(turns);
    let mock = start(Plan::new().default_model(model)).await;
    let mut slow = open_chat(&mock, &streamed("x")).await;
    while mock.stats().in_flight < 1 {
        tokio::task::yield_now().await;
    }
    let mut hanging = open_chat(&mock, &prompt("x")).await;
    while mock.stats().outcome("hang") == 0 {
        tokio::task::yield_now().await;
    }
    let addr = mock.addr();
    let (answer, stats) = tokio::join!(read_to_end(&mut slow), mock.stop());
    assert!(answer.is_done() && answer.is_whole());
    assert_eq!(read_to_end(&mut hanging).await.raw, b"");
    assert_eq!((stats.ok(), stats.in_flight, stats.open_connections), (1, 0, 0));
    assert!(TcpStream::connect(addr).await.is_err());
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let mock = start(Plan::new()).await;
    let port = mock.addr().port();
    let error = MockOpenAi::builder().port(port).start().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot listen on 127.0.0.1:{port}: port {port} is already in use")
    );
}

#[tokio::test]
async fn a_plan_that_makes_no_sense_starts_nothing() {
    let plan = Plan::new().default_model(ModelPlan::new().fault(WholeFault::Reset, f64::NAN));
    let error = MockOpenAi::builder().plan(plan).start().await.unwrap_err();
    let told = "plan: `default.faults[0].probability` is NaN: a probability must be between 0 and 1";
    assert_eq!(error.to_string(), told);
}

#[tokio::test]
async fn urls_are_those_of_the_server() {
    let mock = start(Plan::new()).await;
    assert_eq!(mock.url(), format!("http://{}", mock.addr()));
    assert_eq!(mock.base_url(), format!("{}/v1", mock.url()));
}

#[tokio::test]
async fn a_connection_serves_many_calls() {
    let mock = start(Plan::new()).await;
    let client = reqwest::Client::new();
    for _ in 0..5 {
        let request = client.post(format!("{}/chat/completions", mock.base_url())).json(&prompt("x"));
        request.send().await.unwrap().bytes().await.unwrap();
    }
    assert_eq!((mock.stats().calls, mock.stats().connections), (5, 1));
}
