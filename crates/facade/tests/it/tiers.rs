//! What answers when the model does not.

use std::time::Duration;

use futures_util::StreamExt;
use mainstay::{
    Builder, ChatRequest, ChatResponse, Degradation, FaultKind, HasFault, Mainstay, Rejected, RetryPolicy,
    Tier, backoff::Exponential, fallback::queue::JsonlQueue,
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
        text += chunk.unwrap().text();
    }
    assert!(!text.is_empty());
    assert_eq!(stream.report().attempts.len(), 4);
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
