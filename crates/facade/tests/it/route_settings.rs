//! Settings of one route, where it is not as everywhere.
//!
//! Where a route's own setting is not kept, the one of all routes is an hour: a stack that takes that does not end the test.

use std::time::Duration;

use futures_util::StreamExt;
use mainstay::{
    ChatRequest, Config, FaultKind, HasFault, Mainstay, Preset, RetryPolicy, backoff::RetryBudget,
    openai::ResponseFormat,
};
use mainstay_mock_openai::{Latency, MockOpenAi, ModelPlan, Plan, StreamFault, Turn, WholeFault};

const HOUR: &str =
    "deadline = \"3h\"\nfirst_token_timeout = \"1h\"\nbetween_tokens_timeout = \"1h\"\nmax_wait = \"1h\"";

/// A stack with the route `m`, its settings, and what else there is.
async fn route(plan: ModelPlan, all: &str, own: &str, fields: &str) -> (MockOpenAi, Mainstay) {
    let mock = MockOpenAi::builder().plan(Plan::new().model("m", plan)).start().await.unwrap();
    let toml = format!(
        "{all}\n[retry]\nretries = 0\n[backends.a]\nbase_url = {:?}\n[routes.m]\n{own}\ntiers = [{{ models = [{{ on = \"a\"{fields} }}] }}]",
        mock.base_url()
    );
    (mock, Mainstay::from_toml(&toml).unwrap())
}

fn ask() -> ChatRequest {
    ChatRequest::new("m").user("Tell me of the sea.")
}

/// How a stream ends.
async fn end(mainstay: &Mainstay) -> Option<FaultKind> {
    let items: Vec<_> = mainstay.chat_stream(ask()).await.unwrap().collect().await;
    items.last().unwrap().as_ref().err().map(|error| error.fault().kind)
}

#[tokio::test]
async fn a_route_has_a_first_token_timeout_of_its_own() {
    let silent_once = ModelPlan::new().sequence([Turn::from(WholeFault::Hang)]);
    let own = "first_token_timeout = \"20ms\"\nretry = { retries = 1, base = \"1ms\" }";
    let (mock, mainstay) = route(silent_once, HOUR, own, "").await;
    assert_eq!((end(&mainstay).await, mock.stats().calls), (None, 2));
}

#[tokio::test]
async fn a_route_has_a_between_tokens_timeout_of_its_own() {
    let stalls = ModelPlan::new().fault(StreamFault::Stall { after: 2 }, 1.0);
    let (_mock, mainstay) = route(stalls, HOUR, "between_tokens_timeout = \"20ms\"", "").await;
    assert_eq!(end(&mainstay).await, Some(FaultKind::Interrupted));
}

#[tokio::test]
async fn a_route_waits_for_limits_as_long_as_it_says() {
    let own = "max_wait = \"1ms\"";
    let (mock, mainstay) = route(ModelPlan::new(), HOUR, own, ", requests_per_minute = 1").await;
    mainstay.chat(ask()).await.unwrap();
    assert_eq!(mainstay.chat(ask()).await.unwrap_err().fault().kind, FaultKind::Shed);
    assert_eq!(mock.stats().calls, 1);
}

#[tokio::test]
async fn a_route_says_whether_its_streams_go_on() {
    let cut = || ModelPlan::new().sequence([Turn::from(StreamFault::Cut { after: 2 })]);
    let (mock, mainstay) = route(cut(), HOUR, "continue_streams = {}", "").await;
    assert_eq!((end(&mainstay).await, mock.stats().calls), (None, 2));
    let all = format!("continue_streams = {{}}\n{HOUR}");
    let (mock, mainstay) = route(cut(), &all, "continue_streams = { times = 0 }", "").await;
    assert_eq!((end(&mainstay).await, mock.stats().calls), (Some(FaultKind::Interrupted), 1));
}

#[tokio::test]
async fn a_stream_may_take_as_long_as_its_route_allows() {
    let slow = ModelPlan::new().first_token(Latency::Constant(Duration::from_millis(200)));
    let (_mock, mainstay) = route(slow, "deadline = \"50ms\"", "deadline = \"1h\"", "").await;
    assert_eq!(end(&mainstay).await, None);
}

#[tokio::test(start_paused = true)]
async fn routes_without_a_retry_budget_of_their_own_share_that_of_all() {
    let down = ModelPlan::new().fault(WholeFault::ServerError, 1.0);
    let mock = MockOpenAi::builder().plan(Plan::new().default_model(down)).start().await.unwrap();
    let route = |name, budget| {
        let tiers = "[{ models = [{ on = \"a\" }] }]";
        format!("[routes.{name}]\nretry = {{ retries = 1{budget} }}\ntiers = {tiers}\n")
    };
    let one = "budget = { ratio = 0, floor = 0, burst = 1 }";
    for (own, calls) in [("", 3), (&*format!(", {one}"), 4)] {
        let toml = format!(
            "[retry]\n{one}\n[backends.a]\nbase_url = {:?}\n{}{}",
            mock.base_url(),
            route("m", ""),
            route("n", own)
        );
        let (mainstay, before) = (Mainstay::from_toml(&toml).unwrap(), mock.stats().calls);
        for model in ["m", "n"] {
            mainstay.chat(ChatRequest::new(model).user("Tell me of the sea.")).await.unwrap_err();
        }
        assert_eq!(mock.stats().calls - before, calls);
    }
}

/// Also where it is set in code.
#[tokio::test(start_paused = true)]
async fn routes_without_a_retry_budget_of_their_own_pay_from_that_of_the_policy() {
    let down = ModelPlan::new().fault(WholeFault::ServerError, 1.0);
    let mock = MockOpenAi::builder().plan(Plan::new().default_model(down)).start().await.unwrap();
    let none = "budget = { ratio = 0, floor = 0, burst = 0 }";
    let config = |all: &str| {
        format!(
            "{all}\n[backends.a]\nbase_url = {:?}\n[routes.m]\nretry = {{ retries = 120, base = \"1ms\", cap = \"1ms\" }}\ntiers = [{{ models = [{{ on = \"a\" }}] }}]",
            mock.base_url()
        )
        .parse()
        .unwrap()
    };
    let spent = RetryPolicy::default().budget(RetryBudget::new(0.0, 0.0, 0).unwrap());
    let of_all = format!("[retry]\n{none}");
    for (builder, calls) in [
        (Mainstay::builder().config(config("")).retry(spent), 1),
        (Mainstay::builder().config(config("")).retry(RetryPolicy::default().without_budget()), 121),
        (Mainstay::builder().config(config(&of_all)).preset(Preset::Interactive), 1),
    ] {
        let before = mock.stats().calls;
        builder.build().unwrap().chat(ask()).await.unwrap_err();
        assert_eq!(mock.stats().calls - before, calls);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_route_says_nothing_of_is_as_in_a_preset_that_is_set_in_code() {
    let down = ModelPlan::new().fault(WholeFault::ServerError, 1.0);
    let mock = MockOpenAi::builder().plan(Plan::new().default_model(down)).start().await.unwrap();
    for (all, own, calls) in [
        ("", "", 3),
        ("", "retries = 3, ", 4),
        ("[retry]\nretries = 5", "", 3),
        ("preset = \"batch\"", "", 3),
    ] {
        let config: Config = format!(
            "{all}\n[backends.a]\nbase_url = {:?}\n[routes.m]\nretry = {{ {own}base = \"1ms\" }}\ntiers = [{{ models = [{{ on = \"a\" }}] }}]",
            mock.base_url()
        )
        .parse()
        .unwrap();
        let before = mock.stats().calls;
        let mainstay = Mainstay::builder().config(config).preset(Preset::Interactive).build().unwrap();
        mainstay.chat(ask()).await.unwrap_err();
        assert_eq!(mock.stats().calls - before, calls, "{all} {own}");
    }
}

#[test]
fn what_a_route_left_out_makes_room_for_what_it_says_beside_a_preset_that_is_set_in_code() {
    for (retry, preset) in [("base = \"5s\"", Preset::Interactive), ("cap = \"1500ms\"", Preset::Batch)] {
        let config: Config = format!(
            "[backends.a]\nbase_url = \"http://127.0.0.1:9/v1\"\n[routes.m]\nretry = {{ {retry} }}\ntiers = [{{ models = [{{ on = \"a\" }}] }}]"
        )
        .parse()
        .unwrap();
        Mainstay::builder().config(config).preset(preset).build().unwrap();
    }
}

/// To name what is usual asks for nothing.
#[tokio::test]
async fn a_stream_of_text_goes_on() {
    let cut = ModelPlan::new().sequence([Turn::from(StreamFault::Cut { after: 2 })]);
    let (mock, mainstay) = route(cut, HOUR, "continue_streams = {}", "").await;
    let mut request = ask();
    request.response_format = Some(ResponseFormat::Text);
    let items: Vec<_> = mainstay.chat_stream(request).await.unwrap().collect().await;
    assert!(items.iter().all(Result::is_ok) && mock.stats().calls == 2);
}
