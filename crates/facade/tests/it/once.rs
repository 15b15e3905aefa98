//! One key, one effect, through the whole stack.

use std::{future::ready, sync::Arc, time::Duration};

use futures_util::{StreamExt, TryStreamExt};
use mainstay::{ChatRequest, FaultKind, HasFault, Mainstay, RetryPolicy, Tier, backoff::Exponential};
use mainstay_mock_openai::{Latency, MockOpenAi, ModelPlan, Plan, WholeFault};
use tokio::{task::JoinSet, time::Instant};

const HOUR: Duration = Duration::from_secs(3_600);

async fn stack(plan: ModelPlan) -> (MockOpenAi, Mainstay) {
    let mock = MockOpenAi::builder().plan(Plan::new().model("m", plan)).start().await.unwrap();
    let millis = Duration::from_millis;
    let policy =
        RetryPolicy::default().retries(5).backoff(Exponential::new(millis(1), 2.0, millis(5)).unwrap());
    let builder = Mainstay::builder().base_url(mock.base_url()).retry(policy).idempotency(HOUR, 1_000);
    (mock, builder.build().unwrap())
}

fn ask(n: usize) -> ChatRequest {
    ChatRequest::new("m").user(format!("Read document {n}.")).key(format!("document-{n}"))
}

#[tokio::test]
async fn what_is_submitted_three_times_at_once_runs_once() {
    let slow = ModelPlan::new().latency(Latency::Constant(Duration::from_millis(20)));
    let (mock, mainstay) = stack(slow).await;
    let mut calls = JoinSet::new();
    for n in 0..150 {
        calls.spawn(mainstay.chat(ask(n % 50)));
    }
    let replies: Vec<_> = calls.join_all().await.into_iter().map(Result::unwrap).collect();
    assert_eq!(replies.iter().filter(|reply| reply.report.replayed.is_some()).count(), 100);
    let stats = mock.stats();
    assert!(stats.begun.len() == 50 && stats.begun.values().all(|runs| *runs == 1), "{:?}", stats.begun);
    let again = mainstay.chat(ask(7)).await.unwrap();
    assert!(
        again.report.attempts.is_empty() && again.report.to_string().contains("replayed from"),
        "{}",
        again.report
    );
}

#[tokio::test]
async fn all_who_ask_under_one_key_share_one_answer_until_they_change_it() {
    let (_mock, mainstay) = stack(ModelPlan::new()).await;
    let first = mainstay.chat(ask(1)).await.unwrap();
    let mut again = mainstay.chat(ask(1)).await.unwrap();
    assert!(Arc::ptr_eq(&first.response, &again.response));
    again.model = "mine".to_owned();
    assert_eq!((&*first.model, &*again.model), ("m", "mine"));
    assert_eq!(mainstay.chat(ask(1)).await.unwrap().into_response(), *first.response);
}

#[tokio::test]
async fn the_same_key_for_another_question_is_a_conflict() {
    let (_mock, mainstay) = stack(ModelPlan::new()).await;
    mainstay.chat(ask(1)).await.unwrap();
    let failure = mainstay.chat(ask(2).key("document-1")).await.unwrap_err();
    assert_eq!(failure.fault().kind, FaultKind::InvalidRequest);
    assert_eq!(failure.to_string(), "the idempotency key was used for another request");
}

#[tokio::test]
async fn all_attempts_of_a_call_carry_one_key_also_if_the_caller_gave_none() {
    let (mock, mainstay) =
        stack(ModelPlan::new().sequence([WholeFault::ServerError, WholeFault::ServerError])).await;
    mainstay.chat(ChatRequest::new("m").user("Hello?")).await.unwrap();
    let keys: Vec<_> = mock.stats().executions.into_keys().collect();
    assert_eq!((keys.len(), keys[0].len(), mock.stats().calls), (1, 36, 3), "{keys:?}");
}

#[tokio::test]
async fn without_being_asked_nothing_is_remembered() {
    let mock = MockOpenAi::builder().start().await.unwrap();
    let mainstay = Mainstay::builder().base_url(mock.base_url()).build().unwrap();
    for _ in 0..2 {
        assert_eq!(mainstay.chat(ask(1)).await.unwrap().report.replayed, None);
    }
    assert_eq!(mock.stats().calls, 2);
}

#[tokio::test]
async fn a_set_answer_is_not_remembered() {
    let plan = Plan::new().model("m", ModelPlan::new().sequence([WholeFault::ServerError]));
    let mock = MockOpenAi::builder().plan(plan).start().await.unwrap();
    let mainstay = Mainstay::builder()
        .base_url(mock.base_url())
        .retry(RetryPolicy::default().retries(0))
        .idempotency(HOUR, 10)
        .tier(Tier::answer("sorry", "later"))
        .build()
        .unwrap();
    assert_eq!(mainstay.chat(ask(1)).await.unwrap().text(), "later");
    assert_ne!(mainstay.chat(ask(1)).await.unwrap().text(), "later");
}

#[tokio::test]
async fn a_set_answer_that_is_streamed_is_not_remembered_either() {
    let plan = Plan::new().model("m", ModelPlan::new().sequence([WholeFault::ServerError]));
    let mock = MockOpenAi::builder().plan(plan).start().await.unwrap();
    let mainstay = Mainstay::builder()
        .base_url(mock.base_url())
        .retry(RetryPolicy::default().retries(0))
        .idempotency(HOUR, 10)
        .tier(Tier::answer("sorry", "later"))
        .build()
        .unwrap();
    let (mut texts, mut tiers) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let stream = mainstay.chat_stream(ask(1)).await.unwrap();
        tiers.push(stream.report().tier.map(|tier| tier.to_string()));
        texts.push(stream.into_response().await.unwrap().text().into_owned());
    }
    assert_eq!((texts[0].as_str(), tiers[0].as_deref()), ("later", Some("sorry")));
    assert!(texts[1] != "later" && texts[2] == texts[1], "the better one is: {texts:?}");
    assert_eq!(
        (tiers[1].as_deref(), tiers[2].as_deref()),
        (Some("model"), None),
        "it was over when it was asked for"
    );
    assert_eq!(mock.stats().calls, 2);
}

#[tokio::test]
async fn a_stream_is_followed_live_and_played_again() {
    use mainstay_mock_openai::StreamFault;

    let (mock, mainstay) = stack(ModelPlan::new()).await;
    let chunks = |key: &'static str| {
        let mainstay = mainstay.clone();
        async move {
            let mut stream = mainstay.chat_stream(ask(1).key(key)).await?;
            let mut chunks = Vec::new();
            while let Some(chunk) = stream.try_next().await.map_err(mainstay::Error::from).unwrap() {
                chunks.push(chunk);
            }
            Ok::<_, mainstay::Failure>((chunks, stream.usage().cloned(), stream.report().replayed))
        }
    };
    let (first, second) = tokio::join!(chunks("a"), chunks("a"));
    let ((first, usage, _), (second, same, replayed)) = (first.unwrap(), second.unwrap());
    assert!(!first.is_empty() && usage.is_some() && replayed.is_some());
    assert_eq!((&first, &usage), (&second, &same));
    let mut said = first.iter().map(|chunk| serde_json::to_value(chunk).unwrap());
    assert!(said.all(|chunk| chunk.get("usage").is_none()), "nobody asked for it, not even for null");
    assert_eq!(chunks("a").await.unwrap().0, first);
    assert_eq!(mock.stats().calls, 1);

    let (mock, mainstay) = stack(ModelPlan::new().sequence([StreamFault::EndEarly { after: 2 }])).await;
    let text = |stream: mainstay::ChatStream| stream.into_response();
    let (one, other) = tokio::join!(mainstay.chat_stream(ask(1)), mainstay.chat_stream(ask(1)));
    let (one, other) = tokio::join!(text(one.unwrap()), text(other.unwrap()));
    for broken in [one.unwrap_err(), other.unwrap_err()] {
        assert_eq!(broken.fault().kind, FaultKind::Interrupted, "{broken}");
    }
    text(mainstay.chat_stream(ask(1)).await.unwrap()).await.unwrap();
    assert_eq!(mock.stats().calls, 2);
}

#[tokio::test(start_paused = true)]
async fn one_who_follows_a_stream_keeps_to_his_own_deadline() {
    let slow = ModelPlan::new().per_token(Latency::Constant(Duration::from_millis(300)));
    let (mock, mainstay) = stack(slow).await;
    let leads = mainstay.chat_stream(ask(1)).await.unwrap();
    let begun = Instant::now();
    let follows = mainstay.chat_stream(ask(1).deadline(begun + Duration::from_secs(1))).await.unwrap();
    let follows = async { (follows.collect::<Vec<_>>().await, begun.elapsed().as_millis()) };
    let (led, (mut items, took)) = tokio::join!(leads.into_response(), follows);
    let error = items.pop().unwrap().unwrap_err();
    assert_eq!(error.fault().kind, FaultKind::Interrupted, "{error}");
    assert!(error.to_string().contains("the call was cut off at its deadline"), "{error}");
    assert!((1_000..1_010).contains(&took), "{took} ms");
    let told: String = items.into_iter().map(|chunk| chunk.unwrap().text().into_owned()).collect();
    let led = led.unwrap();
    assert!(!told.is_empty() && told.len() < led.text().len() && led.text().starts_with(&told), "{told:?}");
    assert!(begun.elapsed() > Duration::from_secs(2), "the other one read on");
    assert_eq!(mock.stats().calls, 1);
}

/// Whole answers and streams are remembered apart; a key is one all the same.
#[tokio::test]
async fn one_key_is_not_used_for_a_whole_answer_and_for_a_stream() {
    let slow = ModelPlan::new().latency(Latency::Constant(Duration::from_millis(20)));
    let (mock, mainstay) = stack(slow).await;
    let conflict = "the idempotency key was used for another request";
    mainstay.chat_stream(ask(1)).await.unwrap().try_for_each(|_| ready(Ok(()))).await.unwrap();
    assert_eq!(mainstay.chat(ask(1)).await.unwrap_err().to_string(), conflict);
    mainstay.chat(ask(2)).await.unwrap();
    assert_eq!(mainstay.chat_stream(ask(2)).await.unwrap_err().to_string(), conflict);
    assert_eq!(mock.stats().calls, 2);

    let (whole, streamed) = tokio::join!(mainstay.chat(ask(3)), mainstay.chat_stream(ask(3)));
    assert!(whole.is_err() || streamed.is_err());
    drop(streamed);
    assert!(mock.stats().begun["document-3"] <= 1);
    mainstay.chat(ask(4)).await.unwrap();
    assert!(mainstay.chat(ask(4)).await.unwrap().report.replayed.is_some(), "one kind is as before");
}

#[cfg(feature = "redb")]
#[tokio::test]
async fn keys_in_a_file_survive_the_stack() {
    let mock = MockOpenAi::builder().start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let toml = format!(
        "[idempotency]\npath = {:?}\n[backends.a]\nbase_url = {:?}\n[routes.m]\ntiers = [{{ models = [{{ on = \"a\" }}] }}]\n",
        folder.path().join("keys.redb"),
        mock.base_url()
    );
    let mut texts = Vec::new();
    for replayed in [false, true] {
        let mainstay = Mainstay::from_toml(&toml).unwrap();
        let error = Mainstay::from_toml(&toml).unwrap_err().to_string();
        assert!(error.contains("in use by another process"), "{error}");
        let reply = mainstay.chat(ask(1)).await.unwrap();
        assert_eq!(reply.report.replayed.is_some(), replayed);
        assert_eq!(reply.report.tier.as_deref(), Some("m 1"));
        texts.push(reply.text().into_owned());
        mainstay.close().await;
    }
    assert_eq!((texts[0] == texts[1], mock.stats().calls), (true, 1));
}
