//! Streams that go on where they break, for those who asked for it.

use std::collections::BTreeMap;

use futures_util::StreamExt;
use mainstay::{
    ChatRequest, ChatStream, Continuation, Degradation, FaultKind, HasFault, Mainstay, RetryPolicy, Tier,
    backoff::{Exponential, RetryBudget},
};
use mainstay_mock_openai::{Latency, MockOpenAi, ModelPlan, Plan, StreamFault, Turn, WholeFault};

const SEA: &str = "Tell me of the sea.";

async fn playing(turns: Vec<Turn>, continuation: Option<Continuation>) -> (MockOpenAi, Mainstay) {
    let plan = Plan::new().model("m", ModelPlan::new().sequence(turns));
    let mock = MockOpenAi::builder().plan(plan).start().await.unwrap();
    let millis = std::time::Duration::from_millis;
    let policy = RetryPolicy::default().backoff(Exponential::new(millis(1), 1.0, millis(1)).unwrap());
    let builder =
        Mainstay::builder().base_url(mock.base_url()).retry(policy).between_tokens_timeout(millis(100));
    let builder = match continuation {
        Some(continuation) => builder.continue_streams(continuation),
        None => builder,
    };
    (mock, builder.build().unwrap())
}

fn ask() -> ChatRequest {
    ChatRequest::new("m").user(SEA)
}

/// What the stream says, and how it ends.
async fn read(
    mainstay: &Mainstay,
    request: ChatRequest,
) -> (String, Option<FaultKind>, Vec<Option<FaultKind>>) {
    let mut stream = mainstay.chat_stream(request).await.unwrap();
    let (mut text, mut broke) = (String::new(), None);
    while let Some(item) = stream.next().await {
        match item {
            Ok(chunk) => text.push_str(&chunk.text()),
            Err(error) => broke = Some(error.fault().kind),
        }
    }
    assert!(stream.next().await.is_none(), "it stays over");
    let attempts =
        stream.report().attempts.iter().map(|attempt| attempt.fault.map(|fault| fault.kind)).collect();
    (text, broke, attempts)
}

/// The first words of the answer to the request alone, and the answer to a request that carries them.
async fn parts(after: usize, words: Option<&str>) -> (String, String) {
    let (_mock, bare) = playing(vec![StreamFault::EndEarly { after }.into()], None).await;
    let (said, broke, _) = read(&bare, ask()).await;
    assert_eq!(broke, Some(FaultKind::Interrupted), "it is off unless asked for");
    let again = ask().assistant(said.as_str());
    let again = match words {
        Some(words) => again.user(words),
        None => again,
    };
    (said, read(&bare, again).await.0)
}

#[tokio::test]
async fn a_stream_goes_on_with_what_was_said_so_far() {
    for fault in [
        StreamFault::EndEarly { after: 3 },
        StreamFault::Cut { after: 3 },
        StreamFault::ErrorEvent { after: 3 },
        StreamFault::Stall { after: 3 },
    ] {
        let (mock, mainstay) = playing(vec![fault.into()], Some(Continuation::prefill())).await;
        let (text, broke, attempts) = read(&mainstay, ask()).await;
        let (said, rest) = parts(3, None).await;
        assert!(said.split(' ').count() >= 3 && !rest.is_empty(), "{said:?} {rest:?}");
        assert_eq!((text, broke), (format!("{said}{rest}"), None));
        assert_eq!(attempts, [Some(FaultKind::Interrupted), None], "the report has both");
        assert_eq!(mock.stats().calls, 2);
    }
    let words = "And then?";
    let (_mock, mainstay) =
        playing(vec![StreamFault::EndEarly { after: 3 }.into()], Some(Continuation::ask().words(words)))
            .await;
    let (said, rest) = parts(3, Some(words)).await;
    assert_eq!(read(&mainstay, ask()).await.0, format!("{said}{rest}"));
}

#[tokio::test]
async fn it_goes_on_as_often_as_it_may() {
    let cut = || Turn::from(StreamFault::Cut { after: 2 });
    let (mock, mainstay) = playing(vec![cut(), cut(), cut()], Some(Continuation::prefill().times(2))).await;
    let (text, broke, attempts) = read(&mainstay, ask()).await;
    assert_eq!((broke, attempts.len()), (Some(FaultKind::Interrupted), 3), "{text}");
    assert_eq!(mock.stats().calls, 3);
}

#[tokio::test]
async fn where_going_on_fails_the_break_is_told() {
    let turns = vec![StreamFault::Cut { after: 2 }.into(), WholeFault::InvalidRequest.into()];
    let (mock, mainstay) = playing(turns, Some(Continuation::ask())).await;
    let (_, broke, attempts) = read(&mainstay, ask()).await;
    assert_eq!(broke, Some(FaultKind::Interrupted));
    assert_eq!(attempts, [Some(FaultKind::Interrupted), Some(FaultKind::InvalidRequest)]);
    assert_eq!(mock.stats().calls, 2);
}

#[tokio::test]
async fn a_call_pays_for_retries_once_however_often_it_goes_on() {
    let turns = [
        WholeFault::ServerError.into(),
        Turn::Ok,
        StreamFault::Cut { after: 2 }.into(),
        WholeFault::ServerError.into(),
    ];
    let mock = MockOpenAi::builder()
        .plan(Plan::new().model("m", ModelPlan::new().sequence(turns)))
        .start()
        .await
        .unwrap();
    let millis = std::time::Duration::from_millis;
    let policy = RetryPolicy::default()
        .backoff(Exponential::new(millis(1), 1.0, millis(1)).unwrap())
        .budget(RetryBudget::new(0.5, 0.0, 1).unwrap());
    let mainstay = Mainstay::builder()
        .base_url(mock.base_url())
        .retry(policy)
        .continue_streams(Continuation::prefill())
        .build()
        .unwrap();
    // The first call takes the one retry that there is; the second pays for half of another.
    assert_eq!(read(&mainstay, ask()).await.1, None);
    let (_, broke, attempts) = read(&mainstay, ask()).await;
    assert_eq!(broke, Some(FaultKind::Interrupted));
    assert_eq!(attempts, [Some(FaultKind::Interrupted), Some(FaultKind::Unavailable)]);
    assert_eq!(mock.stats().calls, 4);
}

#[tokio::test]
async fn what_has_a_prescribed_format_is_not_continued_by_asking() {
    let cut = || vec![Turn::from(StreamFault::Cut { after: 2 })];
    let (_mock, mainstay) = playing(cut(), Some(Continuation::ask())).await;
    assert_eq!(read(&mainstay, ask().json_object()).await.1, Some(FaultKind::Interrupted));
    let (_mock, mainstay) = playing(cut(), Some(Continuation::prefill())).await;
    assert_eq!(read(&mainstay, ask().json_object()).await.1, None);
}

#[tokio::test]
async fn a_file_says_it_too_and_a_continued_stream_is_played_again_whole() {
    let plan = ModelPlan::new().sequence([StreamFault::Cut { after: 2 }]);
    let mock = MockOpenAi::builder().plan(Plan::new().model("m", plan)).start().await.unwrap();
    let toml = format!(
        "continue_streams = {{ prefill = true }}\n[idempotency]\n[backends.mock]\nbase_url = {:?}\n[routes.m]\ntiers = [{{ models = [{{ on = \"mock\" }}] }}]",
        mock.base_url()
    );
    let mainstay = Mainstay::from_toml(&toml).unwrap();
    let (first, broke, _) = read(&mainstay, ask().key("one")).await;
    assert_eq!((broke, mock.stats().calls), (None, 2));
    assert_eq!(read(&mainstay, ask().key("one")).await.0, first);
    assert_eq!(mock.stats().calls, 2, "its own key did not meet the first call's");
}

#[tokio::test]
async fn what_another_tier_goes_on_with_is_reported_as_its_answer() {
    let large = ModelPlan::new()
        .sequence([Turn::from(StreamFault::Cut { after: 2 }), WholeFault::ServerError.into()]);
    let mock = MockOpenAi::builder().plan(Plan::new().model("m", large)).start().await.unwrap();
    let mainstay = Mainstay::builder()
        .base_url(mock.base_url())
        .retry(RetryPolicy::default().retries(0))
        .continue_streams(Continuation::ask())
        .tier(Tier::model("small"))
        .build()
        .unwrap();
    let mut stream = mainstay.chat_stream(ask()).await.unwrap();
    let tier =
        |stream: &ChatStream| (stream.report().tier.map(|tier| tier.to_string()), stream.report().degraded);
    assert_eq!(tier(&stream), (Some("model".to_owned()), Degradation::None));
    while let Some(item) = stream.next().await {
        item.unwrap();
    }
    assert_eq!(tier(&stream), (Some("small".to_owned()), Degradation::SmallerModel));
    let attempts = stream.report().attempts;
    assert_eq!(attempts[0].fault.map(|fault| fault.kind), Some(FaultKind::Interrupted));
    assert!(attempts[0].output_tokens.is_some(), "what was said before the seam is charged");
}

/// A sentence that is set is not the end of another, and a queue is for who has heard nothing.
#[tokio::test]
async fn what_is_no_model_does_not_go_on() {
    let plan =
        ModelPlan::new().sequence([StreamFault::EndEarly { after: 3 }]).fault(WholeFault::ServerError, 1.0);
    let mock = MockOpenAi::builder().plan(Plan::new().model("m", plan)).start().await.unwrap();
    let mainstay = Mainstay::builder()
        .base_url(mock.base_url())
        .retry(RetryPolicy::default().retries(0))
        .continue_streams(Continuation::ask())
        .tier(Tier::answer("sorry", "Nobody can answer at the moment."))
        .build()
        .unwrap();
    let (text, broke, attempts) = read(&mainstay, ask()).await;
    assert!(!text.contains("Nobody"), "{text}");
    assert_eq!(broke, Some(FaultKind::Interrupted));
    assert_eq!(attempts, [Some(FaultKind::Interrupted), Some(FaultKind::Unavailable)]);
}

/// A stream of these contents that ends without saying that it is whole.
fn broken(contents: &[&str]) -> Turn {
    let event =
        |content| format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":{content}}}}}]}}\n\n");
    let body: String = contents.iter().map(event).collect();
    let headers = BTreeMap::from([("content-type".to_owned(), "text/event-stream".to_owned())]);
    WholeFault::Status { status: 200, headers, body: Some(body) }.into()
}

#[tokio::test]
async fn text_in_parts_is_carried_and_other_parts_end_the_stream() {
    let (the, sea) = (r#"[{"type":"text","text":"The "}]"#, r#""sea""#);
    let (mock, mainstay) = playing(vec![broken(&[the, sea])], Some(Continuation::prefill())).await;
    let (text, broke, _) = read(&mainstay, ask()).await;
    let (_mock, bare) = playing(vec![Turn::Ok], None).await;
    let rest = read(&bare, ask().assistant("The sea")).await.0;
    assert_eq!((text, broke, mock.stats().calls), (format!("The sea{rest}"), None, 2));

    let thought = r#"[{"type":"thinking","thinking":[{"type":"text","text":"Hm."}]}]"#;
    let (mock, mainstay) = playing(vec![broken(&[thought, sea])], Some(Continuation::prefill())).await;
    let (text, broke, _) = read(&mainstay, ask()).await;
    assert_eq!((text.as_str(), broke, mock.stats().calls), ("sea", Some(FaultKind::Interrupted), 1));
}

/// So the first-token limit does not give a model up for it that would go on.
#[tokio::test(start_paused = true)]
async fn a_model_that_is_slow_to_go_on_is_waited_for_where_none_but_a_set_answer_is_below() {
    let seconds = std::time::Duration::from_secs;
    let breaks = ModelPlan::new()
        .sequence([Turn::from(StreamFault::Cut { after: 2 }), WholeFault::ServerError.into()]);
    let slow = ModelPlan::new().first_token(Latency::Constant(seconds(20)));
    let plan = Plan::new().model("m", breaks).model("slow", slow);
    let mock = MockOpenAi::builder().plan(plan).start().await.unwrap();
    let mainstay = Mainstay::builder()
        .base_url(mock.base_url())
        .first_token_timeout(seconds(5))
        .retry(RetryPolicy::default().retries(0))
        .continue_streams(Continuation::ask())
        .tier(Tier::model("slow"))
        .tier(Tier::answer("sorry", "Nobody can answer at the moment."))
        .build()
        .unwrap();
    let (text, broke, attempts) = read(&mainstay, ask()).await;
    assert_eq!((broke, attempts.last()), (None, Some(&None)), "{text}");
}
