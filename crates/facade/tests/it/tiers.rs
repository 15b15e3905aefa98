//! What answers when the model does not.

use std::time::Duration;

use futures_util::StreamExt;
use mainstay::{
    Builder, ChatRequest, ChatResponse, ChatStream, Degradation, FaultKind, HasFault, Mainstay, Rejected,
    RetryPolicy, Tier,
    backoff::Exponential,
    check,
    fallback::queue::JsonlQueue,
    openai::{ChatChunk, FinishReason, Role, StreamOptions},
};
use mainstay_mock_openai::{MockOpenAi, ModelPlan, Plan, WholeFault};

async fn down(models: &[&str], kind: WholeFault) -> MockOpenAi {
    let down = |plan: Plan, model: &&str| plan.model(*model, ModelPlan::new().fault(kind.clone(), 1.0));
    MockOpenAi::builder().plan(models.iter().fold(Plan::new(), down)).start().await.unwrap()
}

fn built(mock: &MockOpenAi, set: impl FnOnce(Builder) -> Builder) -> Mainstay {
    let millis = Duration::from_millis;
    let policy =
        RetryPolicy::default().retries(2).backoff(Exponential::new(millis(1), 2.0, millis(5)).unwrap());
    set(Mainstay::builder().base_url(mock.base_url()).retry(policy)).build().unwrap()
}

fn ask() -> ChatRequest {
    ChatRequest::new("large").user("Who holds the copyright?")
}

#[tokio::test]
async fn another_model_answers_when_the_first_is_down() {
    let mock = down(&["large"], WholeFault::ServerError).await;
    let mainstay = built(&mock, |builder| builder.tier(Tier::model("small")));
    let reply = mainstay.chat(ask()).await.unwrap();
    assert_eq!(reply.model, "small");
    assert_eq!(
        (reply.report.tier.as_deref(), reply.report.degraded),
        (Some("small"), Degradation::SmallerModel)
    );
    assert_eq!(reply.report.attempts.len(), 4, "three of the first, one of the second: {}", reply.report);
    assert!(reply.report.served_by().unwrap().ends_with("/small"));
}

#[tokio::test]
async fn a_streamed_call_falls_back_to_another_model_before_its_first_token() {
    let mock = down(&["large"], WholeFault::ServerError).await;
    let mainstay =
        built(&mock, |builder| builder.tier(Tier::model("small")).tier(Tier::answer("sorry", "later")));
    let mut stream = mainstay.chat_stream(ask()).await.unwrap();
    let mut text = String::new();
    while let Some(chunk) = stream.next().await {
        text += &chunk.unwrap().text();
    }
    assert!(!text.is_empty());
    let report = stream.report();
    assert_eq!((report.attempts.len(), report.tier.as_deref()), (4, Some("small")));
    assert_eq!(report.degraded, Degradation::SmallerModel);
}

/// The chunks of a stream that is whole, and their text.
async fn told(stream: &mut ChatStream) -> (Vec<ChatChunk>, String) {
    let chunks: Vec<_> = stream.map(Result::unwrap).collect().await;
    let text = chunks.iter().map(ChatChunk::text).collect();
    (chunks, text)
}

#[tokio::test]
async fn a_streamed_call_is_answered_by_rules_and_set_answers_too() {
    let mock = down(&["large"], WholeFault::ServerError).await;
    let rules = |request: &ChatRequest| {
        let known = request.messages[0].text().starts_with("Who");
        if known { Ok(ChatResponse::from_text("rules", "nobody")) } else { Err(Rejected::new("?"))? }
    };
    let mainstay = built(&mock, |builder| {
        builder.tier(Tier::rules("rules", rules)).tier(Tier::answer("sorry", "later"))
    });
    let expected = [
        ("Who is it?", "nobody", "rules", Degradation::Rules),
        ("Why?", "later", "sorry", Degradation::SetAnswer),
    ];
    for (question, answer, tier, degraded) in expected {
        let mut stream = mainstay.chat_stream(ChatRequest::new("large").user(question)).await.unwrap();
        let report = stream.report();
        assert_eq!((report.tier.as_deref(), report.degraded), (Some(tier), degraded), "known at once");
        let (chunks, text) = told(&mut stream).await;
        assert_eq!((text.as_str(), chunks[0].model.as_str()), (answer, tier));
        assert_eq!(chunks[0].choices[0].delta.role, Some(Role::Assistant));
        let ends: Vec<_> =
            chunks.iter().filter_map(|chunk| chunk.choices[0].finish_reason.as_ref()).collect();
        assert_eq!(ends, [&FinishReason::Stop]);
        assert!(
            chunks.iter().all(|chunk| chunk.usage.is_none()) && stream.usage().is_none(),
            "none is invented"
        );
    }
}

#[tokio::test]
async fn what_a_rule_says_of_its_usage_is_told_to_who_asks() {
    let mock = down(&["large"], WholeFault::ServerError).await;
    let rules = |_: &ChatRequest| {
        let mut response = ChatResponse::from_text("rules", "nobody");
        response.usage =
            serde_json::from_str(r#"{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}"#).ok();
        Ok(response)
    };
    let mainstay = built(&mock, |builder| builder.tier(Tier::rules("rules", rules)));
    for asks in [false, true] {
        let mut request = ask();
        request.stream_options = asks.then(StreamOptions::with_usage);
        let mut stream = mainstay.chat_stream(request).await.unwrap();
        let (chunks, _) = told(&mut stream).await;
        assert_eq!(chunks.iter().any(|chunk| chunk.usage.is_some()), asks);
        assert_eq!(stream.usage().unwrap().total_tokens, 3);
    }
}

#[tokio::test]
async fn a_streamed_call_that_nobody_can_answer_waits_for_people() {
    let mock = down(&["large"], WholeFault::ServerError).await;
    let folder = tempfile::tempdir().unwrap();
    let queue = JsonlQueue::open(folder.path().join("people.jsonl")).unwrap();
    let mainstay = built(&mock, |builder| builder.tier(Tier::queue("people", queue.clone())));
    let stream = mainstay.chat_stream(ask()).await.unwrap();
    assert_eq!(stream.report().degraded, Degradation::Queued);
    let response = stream.into_response().await.unwrap();
    let entries = queue.entries();
    assert_eq!(response.extra["queued"], entries[0].id.as_str());
    assert_eq!(entries[0].request.stream_options, None, "people are not asked for a usage");
}

#[tokio::test]
async fn an_empty_purse_is_not_retried_but_passed_on() {
    let mock = down(&["large"], WholeFault::InsufficientQuota).await;
    let mainstay = built(&mock, |builder| builder.tier(Tier::model("small")));
    let reply = mainstay.chat(ask()).await.unwrap();
    assert_eq!((reply.model.as_str(), mock.stats().calls), ("small", 2));
}

#[tokio::test]
async fn rules_answer_what_they_can_and_a_set_answer_the_rest() {
    let mock = down(&["large", "small"], WholeFault::ServerError).await;
    let rules = |request: &ChatRequest| {
        let text = request.messages[0].text();
        if text.starts_with("Who") {
            Ok(ChatResponse::from_text("rules", "nobody"))
        } else {
            Err(Rejected::new("?"))?
        }
    };
    let tiers = |builder: Builder| {
        builder
            .tier(Tier::model("small"))
            .tier(Tier::rules("rules", rules))
            .tier(Tier::answer("sorry", "later"))
    };
    let mainstay = built(&mock, tiers);
    let reply = mainstay.chat(ask()).await.unwrap();
    assert_eq!((reply.text().as_ref(), reply.report.degraded), ("nobody", Degradation::Rules));
    let reply = mainstay.chat(ChatRequest::new("large").user("Why?")).await.unwrap();
    assert_eq!((reply.text().as_ref(), reply.report.degraded), ("later", Degradation::SetAnswer));
}

#[tokio::test]
async fn what_nobody_can_answer_waits_for_people_with_all_that_was_tried() {
    let mock = down(&["large"], WholeFault::ServerError).await;
    let folder = tempfile::tempdir().unwrap();
    let queue = JsonlQueue::open(folder.path().join("people.jsonl")).unwrap();
    let mainstay = built(&mock, |builder| builder.tier(Tier::queue("people", queue.clone())));
    let reply = mainstay.chat(ask()).await.unwrap();
    let entries = queue.entries();
    assert_eq!(reply.queued(), Some(entries[0].id.as_str()));
    assert_eq!(
        (entries[0].request.messages[0].text().as_ref(), reply.report.degraded),
        ("Who holds the copyright?", Degradation::Queued)
    );
    assert!(entries[0].reasons[0].starts_with("model: backend 127.0.0.1:"), "{:?}", entries[0].reasons);
}

#[tokio::test]
async fn the_callers_own_mistake_falls_nowhere() {
    let mock = down(&["large"], WholeFault::InvalidRequest).await;
    let mainstay =
        built(&mock, |builder| builder.tier(Tier::model("small")).tier(Tier::answer("sorry", "later")));
    let failure = mainstay.chat(ask()).await.unwrap_err();
    assert_eq!((failure.fault().kind, mock.stats().calls), (FaultKind::InvalidRequest, 1));
}

#[tokio::test]
async fn when_all_tiers_fail_the_error_tells_of_each() {
    let mock = down(&["large", "small"], WholeFault::ServerError).await;
    let mainstay = built(&mock, |builder| builder.tier(Tier::model("small")));
    let failure = mainstay.chat(ask()).await.unwrap_err();
    let story = failure.to_string();
    assert!(
        story.starts_with("no tier answered: model: backend 127.0.0.1:")
            && story.contains("; small: unavailable"),
        "{story}"
    );
    assert_eq!((failure.fault().kind, failure.report().attempts.len()), (FaultKind::Unavailable, 6));
}

/// What one model cannot say, another one is asked for at once, and the report says whose answer was refused.
#[tokio::test(start_paused = true)]
async fn an_answer_that_is_rejected_moves_the_call_to_the_next_backend() {
    let plans = [ModelPlan::new().fault(WholeFault::NotJson, 1.0), ModelPlan::new()];
    let mut mocks = Vec::new();
    for plan in plans {
        mocks.push(MockOpenAi::builder().plan(Plan::new().model("m", plan)).start().await.unwrap());
    }
    let config = format!(
        r#"
        budget = {{ dollars = 50 }}
        [backends.a]
        base_url = {:?}
        [backends.b]
        base_url = {:?}
        [routes.m]
        tiers = [{{ models = [
            {{ on = "a", price = {{ input = 0, output = 1000 }} }},
            {{ on = "b", price = {{ input = 0, output = 1000 }} }},
        ], strategy = "in_order" }}]
        "#,
        mocks[0].base_url(),
        mocks[1].base_url(),
    );
    let mainstay = Mainstay::builder().config(config.parse().unwrap()).check(check::json).build().unwrap();
    let began = tokio::time::Instant::now();
    let request = ChatRequest::new("m").user("Extract it as JSON.").json_object().max_tokens(10_000);
    let reply = mainstay.chat(request).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(1), "nobody slept: {}", reply.report);
    assert_eq!(reply.report.served_by(), Some("b/m"));
    let [refused, answered] = &*reply.report.attempts else { panic!("two attempts: {}", reply.report) };
    assert_eq!(refused.fault.map(|fault| fault.kind), Some(FaultKind::Rejected));
    assert_eq!((&*refused.backend, answered.fault), ("a/m", None));
    assert!(refused.output_tokens.is_some_and(|tokens| tokens > 0), "it is billed all the same");
    let (spent, dollars) = (mainstay.status().budgets[0].spent, reply.report.dollars().unwrap());
    assert!((spent - dollars).abs() < 1e-9, "{spent} spent, {dollars} reported");
    assert_eq!(mainstay.status().backends[0].set_aside, None, "the answer came");
}
